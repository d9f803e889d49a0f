import {
	ChangeStreamBroker,
	ChangeStreamConsumer,
	ConsumerRecord,
	MessageHandlerConfig,
} from '@dafaz/change-stream-broker'
import {
	brokerConfig,
	PurchaseCreatedPayload,
	purchasesConsumerConfig,
} from '@dafaz/change-stream-broker/client'
import { Injectable, OnModuleDestroy, OnModuleInit } from '@nestjs/common'
import { EnrollmentsService } from '../http/services/enrollments.service.js'

@Injectable()
export class ChangeStreamBrokerService
	extends ChangeStreamBroker
	implements OnModuleInit, OnModuleDestroy
{
	private consumer!: ChangeStreamConsumer

	constructor(private readonly enrollmentsService: EnrollmentsService) {
		super(brokerConfig)
	}

	async onModuleInit() {
		await this.connect()

		const handlerConfig: MessageHandlerConfig<PurchaseCreatedPayload> = {
			handler: this.handlePurchaseEvent.bind(this),
			errorHandler: this.handleError.bind(this),
			maxRetries: 3,
			retryDelay: 1000,
			autoCommit: true,
		}

		this.consumer = await this.createConsumer(purchasesConsumerConfig)
		await this.consumer.subscribe(handlerConfig)

		console.log('Enrollment consumer started listening for purchase events...')
	}
	async onModuleDestroy() {
		if (this.consumer) {
			await this.consumer.unsubscribe()
		}

		await this.disconnect()
	}

	async handlePurchaseEvent(payload: ConsumerRecord<PurchaseCreatedPayload>) {
		const purchase = payload.message.value

		try {
			await this.enrollmentsService.createEnrollment(purchase)
		} catch (error) {
			console.error(`Error creating enrollment: ${(error as Error).message}`)
			throw error
		}
	}

	private async handleError(error: Error, record?: any) {
		console.error('Error processing purchase event:', error)

		if (record) {
			console.error('Failed record:', record.message.value)
		}
	}
}
