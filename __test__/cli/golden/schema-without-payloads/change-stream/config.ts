export const producer = defineProducer({ topic: 'the.only', partitions: 2, retentionMs: 1000 })
export const consumer = defineConsumer({ topic: 'the.only', groupId: 'g', partitions: [0, 1] })
