// Written by hand in the form of `csbroker generate`, which will replace it. Source: change-stream/
import './load-env.js'
import { defineBroker, defineProducer } from '@dafaz/change-stream-broker/define'

export const brokerConfig = defineBroker({
  mongoUri: process.env.MONGODB_BROKER_URI,
  database: process.env.MONGODB_BROKER_DATABASE,
  autoCreateTopics: true,
  logLevel: 'INFO',
  logContext: 'Purchase Service Broker',
})

export const purchasesProducerConfig = defineProducer({
  topic: 'purchases.new-purchase',
  partitions: 1,
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  partitionStrategy: 'hash',
})

export const producers = { purchasesProducerConfig }
export const consumers = {}
