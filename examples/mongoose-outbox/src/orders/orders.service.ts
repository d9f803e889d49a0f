import type { ChangeStreamProducer } from '@dafaz/change-stream-broker'
import { Injectable, OnModuleInit } from '@nestjs/common'
import { InjectConnection, InjectModel } from '@nestjs/mongoose'
import type { Connection, Model } from 'mongoose'
import { ChangeStreamService } from '../messaging/change-stream.service.js'
import type { Order, OrderCreated } from './order.js'

@Injectable()
export class OrdersService implements OnModuleInit {
  private producer!: ChangeStreamProducer<OrderCreated>

  constructor(
    @InjectConnection() private readonly connection: Connection,
    @InjectModel('Order') private readonly orders: Model<Order>,
    private readonly broker: ChangeStreamService,
  ) {}

  async onModuleInit() {
    this.producer = await this.broker.createProducer({ topic: 'orders', partitions: 3, retentionMs: 604_800_000 })
  }

  async place(order: Order) {
    await this.connection.transaction(async (session) => {
      await this.producer.send({ key: order._id, value: { orderId: order._id, total: order.total } }, { session })
      // Fails if there is an order with this id already. Then there is no second message either.
      await this.orders.create([order], { session })
    })
  }
}
