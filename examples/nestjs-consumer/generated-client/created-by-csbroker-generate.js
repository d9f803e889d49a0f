// Written by hand in the form of `csbroker generate`, which will replace it. Source: change-stream/
'use strict'

require('./load-env.js')
const { defineBroker, defineConsumer } = require('@dafaz/change-stream-broker/define')

const brokerConfig = defineBroker({
  mongoUri: process.env.MONGODB_BROKER_URI,
  database: process.env.MONGODB_BROKER_DATABASE,
  autoCreateTopics: true,
  logLevel: 'INFO',
  logContext: 'Purchase Service Broker',
})

const purchasesConsumerConfig = defineConsumer({
  groupId: 'classroom-service',
  topic: 'purchases.new-purchase',
  partitions: [0],
  autoCommit: true,
  autoCommitIntervalMs: 15000,
  fromBeginning: false,
  maxRetries: 3,
  retryDelayMs: 1000,
  enableOffsetMonitoring: false,
  options: {
    batchSize: 100,
    maxAwaitTimeMS: 1000,
    fullDocument: 'updateLookup',
  },
})

module.exports = {
  brokerConfig,
  purchasesConsumerConfig,
  producers: {},
  consumers: { purchasesConsumerConfig },
}
