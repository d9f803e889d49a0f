export const brokerConfig = defineBroker({
  mongoUri: process.env.MONGODB_BROKER_URI,
  database: process.env.MONGODB_BROKER_DATABASE,
})
export const producer = defineProducer<{ id: string }>({ topic: 'typed', partitions: 1, retentionMs: 1000 })
export const untyped = defineProducer({ topic: 'untyped', partitions: 1, retentionMs: 1000 })
