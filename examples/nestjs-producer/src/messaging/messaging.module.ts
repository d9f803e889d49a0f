import { Module } from '@nestjs/common'
import { ChangeStreamBrokerService } from './change-stream.service.js'

@Module({
	providers: [ChangeStreamBrokerService],
	exports: [ChangeStreamBrokerService],
})
export class MessagingModule {}
