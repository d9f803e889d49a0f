import type { ChangeStreamProducer } from '@dafaz/change-stream-broker'
import { Injectable, OnModuleInit } from '@nestjs/common'
import { Collection, MongoClient } from 'mongodb'
import { shopDatabase } from '../database/environment.js'
import { ChangeStreamService } from '../messaging/change-stream.service.js'
import type { Order, OrderCreated } from './order.js'

@Injectable()
export class DriverOrdersService implements OnModuleInit {
  private readonly orders: Collection<Order>
  private producer!: ChangeStreamProducer<OrderCreated>

  constructor(
    private readonly client: MongoClient,
    private readonly broker: ChangeStreamService,
  ) {
    this.orders = client.db(shopDatabase).collection<Order>('orders')
  }

  async onModuleInit() {
    this.producer = await this.broker.createProducer({ topic: 'orders', partitions: 3, retentionMs: 604_800_000 })
  }

  async place(order: Order) {
    await this.client.withSession((session) =>
      session.withTransaction(async () => {
        await this.producer.send({ key: order._id, value: { orderId: order._id, total: order.total } }, { session })
        await this.orders.insertOne(order, { session })
      }),
    )
  }
}
