import { Topics } from './topics'

export interface PurchaseCreatedPayload {
  customer: { id: string; authUserId: string }
  product: { id: string; title: string; slug: string }
}
export type PaymentEvent = { kind: 'paid'; cents: number } | { kind: 'refused'; reason: string }
export interface Refund { reason: string }
type Inherited = { [K in 'inherited']: { from: 'elsewhere' } }
export interface MessagePayloads extends Inherited {
  [Topics.Purchases]: PurchaseCreatedPayload
  payments: PaymentEvent
  refunds: Refund
}
