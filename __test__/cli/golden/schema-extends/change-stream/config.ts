export const own = defineProducer({ topic: 'own', partitions: 1, retentionMs: 1000 })
export const inherited = defineProducer({ topic: 'inherited', partitions: 1, retentionMs: 1000 })
export const merged = defineConsumer({ topic: 'merged', groupId: 'g', partitions: [0] })
export const unknown = defineConsumer({ topic: 'unknown', groupId: 'g', partitions: [0] })
