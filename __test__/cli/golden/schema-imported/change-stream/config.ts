export const orders = defineProducer({ topic: 'orders', partitions: 1, retentionMs: 1000 })
export const refunds = defineConsumer({ topic: 'refunds', groupId: 'g', partitions: [0] })
