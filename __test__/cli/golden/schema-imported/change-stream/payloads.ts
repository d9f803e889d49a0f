import { Refund } from '../src/refund'

export interface Order {
  lines: OrderLine[]
}
export type OrderLine = { sku: string }
export interface Payloads {
  orders: Order
  refunds: Refund
}
export const KIND = 'order'
