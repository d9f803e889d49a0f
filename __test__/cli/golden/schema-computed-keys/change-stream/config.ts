import { TOPICS } from './topics'
export const purchases = defineProducer({ topic: TOPICS.purchases, partitions: 1, retentionMs: 1000 })
export const refunds = defineConsumer({ topic: 'shop.refunds', groupId: 'refunds', partitions: [0] })
export const literal = defineConsumer({ topic: 'literal', groupId: 'refunds', partitions: [0] })
export const local = defineConsumer({ topic: 'local', groupId: 'refunds', partitions: [0] })
export const symbolic = defineConsumer({ topic: '42', groupId: 'refunds', partitions: [0] })
