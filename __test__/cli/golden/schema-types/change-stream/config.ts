export const text = defineProducer({ topic: 'text', partitions: 1, retentionMs: 1000 })
export const generic = defineProducer({ topic: 'generic', partitions: 1, retentionMs: 1000 })
export const union = defineConsumer({ topic: 'union', groupId: 'g', partitions: [0] })
export const message = defineConsumer({ topic: 'message', groupId: 'g', partitions: [0] })
