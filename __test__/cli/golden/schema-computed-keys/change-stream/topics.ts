export const TOPICS = { purchases: 'shop.purchases', refunds: 'shop.refunds' } as const
