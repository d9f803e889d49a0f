import type { TopicName } from './topics'
import { type Money } from '../src/money'

export interface Shipment {
  id: string
  cost: Money
  topic: TopicName
}
export interface Purchase extends Shipment {
  at: Date
}
export interface MessagePayloads {
  'shop.shipments': Shipment
  'shop.purchases': Purchase
  'shop.refunds': { amount: Money }
}
