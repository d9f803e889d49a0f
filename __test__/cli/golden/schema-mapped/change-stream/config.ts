export const a = defineProducer({ topic: 'a.created', partitions: 1, retentionMs: 1000 })
export const b = defineConsumer({ topic: 'b.created', groupId: 'b', partitions: [0] })
export const other = defineConsumer({ topic: 'nothing.known', groupId: 'b', partitions: [0] })
