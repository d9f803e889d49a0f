import { Module } from '@nestjs/common'
import { DatabaseModule } from '../database/database.module.js'
import { EnrollmentsService } from '../http/services/enrollments.service.js'
import { ChangeStreamBrokerService } from './change-stream.service.js'

@Module({
  imports: [DatabaseModule],
	providers: [ChangeStreamBrokerService, EnrollmentsService,],
	exports: [ChangeStreamBrokerService, EnrollmentsService,],
})
export class MessagingModule {}
