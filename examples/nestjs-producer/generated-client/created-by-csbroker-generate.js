// Written by hand in the form of `csbroker generate`, which will replace it. Source: change-stream/
'use strict'

require('./load-env.js')
const { defineBroker, defineProducer } = require('@dafaz/change-stream-broker/define')

const brokerConfig = defineBroker({
  mongoUri: process.env.MONGODB_BROKER_URI,
  database: process.env.MONGODB_BROKER_DATABASE,
  autoCreateTopics: true,
  logLevel: 'INFO',
  logContext: 'Purchase Service Broker',
})

const purchasesProducerConfig = defineProducer({
  topic: 'purchases.new-purchase',
  partitions: 1,
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  partitionStrategy: 'hash',
})

module.exports = {
  brokerConfig,
  purchasesProducerConfig,
  producers: { purchasesProducerConfig },
  consumers: {},
}
