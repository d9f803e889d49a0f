export interface OrderPlaced {
  id: string
  total: number
}
export interface OrderCancelled {
  id: string
  reason?: string
}

export interface MessagePayloads {
  'orders.placed': OrderPlaced
  'orders.cancelled': OrderCancelled
  ['orders.paid']: OrderPlaced & { paidAt: Date }
}
