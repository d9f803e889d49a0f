import { BadRequestException, Body, ConflictException, Controller, Post } from '@nestjs/common'
import { MongoServerError } from 'mongodb'
import { DriverOrdersService } from './driver-orders.service.js'
import type { Order } from './order.js'
import { OrdersService } from './orders.service.js'

const DUPLICATE_KEY = 11_000

@Controller()
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly driverOrders: DriverOrdersService,
  ) {}

  /** POST /orders {"id": "order-1", "product": "book", "total": 42} */
  @Post('orders')
  async create(@Body() body: unknown): Promise<Order> {
    return await placeIn(this.orders, parseOrder(body))
  }

  /** The same without Mongoose. */
  @Post('driver/orders')
  async createByDriver(@Body() body: unknown): Promise<Order> {
    return await placeIn(this.driverOrders, parseOrder(body))
  }
}

async function placeIn(orders: { place(order: Order): Promise<void> }, order: Order): Promise<Order> {
  try {
    await orders.place(order)
    return order
  } catch (error) {
    if ((error as MongoServerError).code !== DUPLICATE_KEY) throw error
    throw new ConflictException(`there is an order '${order._id}' already`)
  }
}

function parseOrder(body: unknown): Order {
  const { id, product, total } = (body ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || typeof product !== 'string' || typeof total !== 'number') {
    throw new BadRequestException('id and product must be strings, total must be a number')
  }
  return { _id: id, product, total }
}
