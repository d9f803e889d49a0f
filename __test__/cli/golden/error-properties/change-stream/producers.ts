const base = { topic: 'bad..name', retentionMs: -5 }

export const bad = defineProducer({ ...base, partitions: 1.5, partitionStrategy: 'random' as any })
