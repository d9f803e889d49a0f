import { ChangeStreamBroker } from '@dafaz/change-stream-broker'
import { brokerConfig } from '@dafaz/change-stream-broker/client'
import { Injectable, OnModuleDestroy, OnModuleInit } from '@nestjs/common'

@Injectable()
export class ChangeStreamBrokerService
	extends ChangeStreamBroker
	implements OnModuleInit, OnModuleDestroy
{
	constructor() {
		super(brokerConfig)
	}

	async onModuleInit() {
		await this.connect()
	}
	async onModuleDestroy() {
		await this.disconnect()
	}
}
