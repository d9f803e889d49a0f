import { bad } from './producers'

export const brokerConfig = defineBroker({
  mongoUrl: process.env.MONGODB_BROKER_URI,
  database: 'a b',
  logLevel: 'LOUD',
})
export const typo = defineProducer({ topic: 'typo', partitons: 3, partitions: 0, retentionMs: 1000 })
export const incomplete = defineConsumer({
  topic: 'typo',
  groupId: `group${1}`,
  partitions: [0, -1],
  options: { batchSizes: 10 },
})
export const empty = defineTopic({})
export const nothing = defineProducer()
export { bad }
const forgotten = defineProducer({ topic: 'typo', partitions: 1, retentionMs: 1000 })
