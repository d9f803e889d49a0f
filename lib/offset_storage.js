'use strict'

const { Administration } = require('./administration.js')
const { decode } = require('./bson_codec.js')
const { encodeConfig } = require('./encode_config.js')
const { nativeCall } = require('./native_call.js')

const DEFAULT_DATABASE = 'change-stream-broker'

const states = new WeakMap()

/** The committed offsets of a database, for tools: consumers commit theirs by themselves. */
class OffsetStorage {
  constructor(mongoUri, database = DEFAULT_DATABASE) {
    const administration = new Administration('OffsetStorage', { mongoUri, database }, (broker) => broker.offsets())
    states.set(this, { administration, database })
  }

  async connect() {
    await states.get(this).administration.connect()
  }

  /** Rejects with ERR_CSB_NOT_CONNECTED unless `connect()` has succeeded. */
  async ensureConnected() {
    states.get(this).administration.connected()
  }

  async disconnect() {
    await states.get(this).administration.disconnect()
  }

  isConnected() {
    return states.get(this).administration.isConnected
  }

  getConnectionInfo() {
    return { database: states.get(this).database, collection: 'consumer_offsets' }
  }

  /** Stores an offset as a tool would; it does not fence the member that owns the partition. */
  async commitOffset(commit) {
    const native = states.get(this).administration.connected()
    const bytes = encodeConfig(commit, 'offset commit')
    await nativeCall(() => native.commitOffset(bytes))
  }

  /** As `commitOffset`, resolving to false if this very offset is stored already. */
  async commitOffsetIfChanged(commit) {
    const native = states.get(this).administration.connected()
    const bytes = encodeConfig(commit, 'offset commit')
    return nativeCall(() => native.commitOffsetIfChanged(bytes))
  }

  /** The committed offset, or null. */
  async getOffset(groupId, topic, partition) {
    const native = states.get(this).administration.connected()
    const bytes = await nativeCall(() => native.getOffset(groupId, topic, partition))
    return bytes === null ? null : decode(bytes).offset
  }

  /** All offsets of a group, the newest first. */
  async getOffsets(groupId) {
    const native = states.get(this).administration.connected()
    return decode(await nativeCall(() => native.getOffsets(groupId))).offsets
  }
}

module.exports = { OffsetStorage }
