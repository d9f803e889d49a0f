import { Injectable, OnModuleInit } from '@nestjs/common'
import { Collection, MongoClient } from 'mongodb'
import { shopDatabase } from '../database/environment.js'
import { ChangeStreamService } from '../messaging/change-stream.service.js'
import type { OrderCreated } from '../orders/order.js'

export interface Invoice {
  orderId: string
  total: number
}

/** What is sent about a new invoice. */
export interface InvoiceCreated {
  orderId: string
}

/** Makes an invoice of each order, once. */
@Injectable()
export class InvoicesService implements OnModuleInit {
  private readonly invoices: Collection<Invoice>

  constructor(
    private readonly client: MongoClient,
    private readonly broker: ChangeStreamService,
  ) {
    this.invoices = client.db(shopDatabase).collection<Invoice>('invoices')
  }

  async onModuleInit() {
    const { client, invoices } = this
    const producer = await this.broker.createProducer<InvoiceCreated>({
      topic: 'invoices',
      partitions: 1,
      retentionMs: 604_800_000,
    })
    const consumer = await this.broker.createConsumer<OrderCreated>({
      groupId: 'invoices-service',
      topic: 'orders',
      fromBeginning: true,
    })
    await consumer.subscribe({
      transactional: { client },
      handler: async ({ message }, { session }) => {
        const { orderId, total } = message.value
        await invoices.insertOne({ orderId, total }, { session })
        await producer.send({ key: orderId, value: { orderId } }, { session })
      },
    })
  }

  async list(): Promise<Invoice[]> {
    return await this.invoices.find({}, { projection: { _id: 0 } }).toArray()
  }
}
