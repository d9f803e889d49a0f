'use strict'

const { decode } = require('./bson_codec.js')
const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')
const { PrivateBroker } = require('./private_broker.js')

const states = new WeakMap()

function connected(manager) {
  const { native } = states.get(manager)
  if (native !== null) return native
  throw facadeError('ERR_CSB_NOT_CONNECTED', 'TopicManager not connected. Call connect() first.')
}

/** The topics of a database: creating them and looking at them. Has a connection of its own. */
class TopicManager {
  constructor(mongoUri, database) {
    states.set(this, { connection: new PrivateBroker(mongoUri, database), native: null })
  }

  async connect() {
    const state = states.get(this)
    const broker = await state.connection.open()
    state.native = nativeCallSync(() => broker.topics())
  }

  async disconnect() {
    const state = states.get(this)
    await state.connection.opening?.catch(() => {}) // whoever connects hears of it
    state.native = null
    await state.connection.close()
  }

  isConnected() {
    return states.get(this).native !== null
  }

  async createTopic(config) {
    const native = connected(this)
    const bytes = encodeConfig(config, 'topic configuration')
    await nativeCall(() => native.createTopic(bytes))
  }

  async topicExists(topicName) {
    const native = connected(this)
    return nativeCall(() => native.topicExists(topicName))
  }

  /** `{ name, collection, partitions, retentionMs }`, or null if there is no such topic. */
  async getTopicConfig(topicName) {
    const native = connected(this)
    const bytes = await nativeCall(() => native.getTopicConfig(topicName))
    return bytes === null ? null : decode(bytes)
  }

  /** The index that ends the retention of a partition's collection (`<topic>_p<n>`), or null. */
  async getTTLIndexInfo(collectionName) {
    const native = connected(this)
    const bytes = await nativeCall(() => native.getTtlIndexInfo(collectionName))
    return bytes === null ? null : decode(bytes)
  }

  /** One `{ collection, indexInfo?, documentCount, hasTimestampField }` for each collection of the database. */
  async getTTLIndexStats() {
    const native = connected(this)
    return decode(await nativeCall(() => native.getTtlIndexStats())).stats
  }

  async validateTTLIndex(collectionName) {
    const native = connected(this)
    return decode(await nativeCall(() => native.validateTtlIndex(collectionName)))
  }
}

module.exports = { TopicManager }
