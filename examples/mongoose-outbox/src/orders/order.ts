import { Schema } from 'mongoose'

export interface Order {
  /** Chosen by who orders, so that ordering twice is noticed. */
  _id: string
  product: string
  total: number
}

export const orderSchema = new Schema<Order>({ _id: String, product: String, total: Number }, { versionKey: false })

/** What is sent about a new order. */
export interface OrderCreated {
  orderId: string
  total: number
}
