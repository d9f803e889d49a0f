export const prefix = 'shop'
export const TOPICS = {
  shipments: `${prefix}.shipments`,
  purchases: `${prefix}.purchases`,
  refunds: `${prefix}.refunds`,
} as const
export type TopicName = (typeof TOPICS)[keyof typeof TOPICS]
