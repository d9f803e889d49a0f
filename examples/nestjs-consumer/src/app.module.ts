import { Module } from '@nestjs/common'
import { EnrollmentsController } from './http/controllers/enrollments.controller.js'
import { MessagingModule } from './messaging/messaging.module.js'

@Module({
  imports: [MessagingModule],
  controllers: [EnrollmentsController],
})
export class AppModule {}
