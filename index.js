'use strict'

const { ChangeStreamBroker } = require('./lib/broker.js')
const { ChangeStreamConsumer } = require('./lib/consumer.js')
const { ChangeStreamProducer } = require('./lib/producer.js')
const { ConsumerGroupManager } = require('./lib/consumer_group_manager.js')
const { OffsetStorage } = require('./lib/offset_storage.js')
const { TopicManager } = require('./lib/topic_manager.js')
const { ChangeStreamBrokerError } = require('./lib/errors.js')
const { LogLevel } = require('./lib/log_level.js')
const { DateToTimestamp } = require('./lib/date_to_timestamp.js')
const { defineBroker, defineTopic, defineProducer, defineConsumer } = require('./define.js')

// A literal of plain names, because Node finds the names for `import { … }` by reading this text.
module.exports = {
  ChangeStreamBroker,
  ChangeStreamConsumer,
  ChangeStreamProducer,
  ConsumerGroupManager,
  OffsetStorage,
  TopicManager,
  ChangeStreamBrokerError,
  LogLevel,
  DateToTimestamp,
  defineBroker,
  defineTopic,
  defineProducer,
  defineConsumer,
}
