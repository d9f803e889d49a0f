'use strict'

const { Administration } = require('./administration.js')
const { decode } = require('./bson_codec.js')
const { encodeConfig } = require('./encode_config.js')
const { nativeCall } = require('./native_call.js')

const states = new WeakMap()

/** The topics of a database: creating them and looking at them. Has a connection of its own. */
class TopicManager {
  constructor(mongoUri, database) {
    states.set(this, new Administration('TopicManager', { mongoUri, database }, (broker) => broker.topics()))
  }

  async connect() {
    await states.get(this).connect()
  }

  async disconnect() {
    await states.get(this).disconnect()
  }

  isConnected() {
    return states.get(this).isConnected
  }

  async createTopic(config) {
    const native = states.get(this).connected()
    const bytes = encodeConfig(config, 'topic configuration')
    await nativeCall(() => native.createTopic(bytes))
  }

  async topicExists(topicName) {
    const native = states.get(this).connected()
    return nativeCall(() => native.topicExists(topicName))
  }

  /** `{ name, collection, partitions, retentionMs }`, or null if there is no such topic. */
  async getTopicConfig(topicName) {
    const native = states.get(this).connected()
    const bytes = await nativeCall(() => native.getTopicConfig(topicName))
    return bytes === null ? null : decode(bytes)
  }

  /** The index that ends the retention of a partition's collection (`<topic>_p<n>`), or null. */
  async getTTLIndexInfo(collectionName) {
    const native = states.get(this).connected()
    const bytes = await nativeCall(() => native.getTtlIndexInfo(collectionName))
    return bytes === null ? null : decode(bytes)
  }

  /** One `{ collection, indexInfo?, documentCount, hasTimestampField }` for each collection of the database. */
  async getTTLIndexStats() {
    const native = states.get(this).connected()
    return decode(await nativeCall(() => native.getTtlIndexStats())).stats
  }

  async validateTTLIndex(collectionName) {
    const native = states.get(this).connected()
    return decode(await nativeCall(() => native.validateTtlIndex(collectionName)))
  }
}

module.exports = { TopicManager }
