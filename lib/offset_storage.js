'use strict'

const { decode } = require('./bson_codec.js')
const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')
const { PrivateBroker } = require('./private_broker.js')

const DEFAULT_DATABASE = 'change-stream-broker'

const states = new WeakMap()

function connected(storage) {
  const { native } = states.get(storage)
  if (native !== null) return native
  throw facadeError('ERR_CSB_NOT_CONNECTED', 'OffsetStorage not connected. Call connect() first.')
}

/** The committed offsets of a database, for tools: consumers commit theirs by themselves. */
class OffsetStorage {
  constructor(mongoUri, database = DEFAULT_DATABASE) {
    states.set(this, { connection: new PrivateBroker(mongoUri, database), database, native: null })
  }

  async connect() {
    const state = states.get(this)
    const broker = await state.connection.open()
    state.native = nativeCallSync(() => broker.offsets())
  }

  /** Rejects with ERR_CSB_NOT_CONNECTED unless `connect()` has succeeded. */
  async ensureConnected() {
    connected(this)
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

  getConnectionInfo() {
    return { database: states.get(this).database, collection: 'consumer_offsets' }
  }

  /** Stores an offset as a tool would; it does not fence the member that owns the partition. */
  async commitOffset(commit) {
    const native = connected(this)
    const bytes = encodeConfig(commit, 'offset commit')
    await nativeCall(() => native.commitOffset(bytes))
  }

  /** As `commitOffset`, resolving to false if this very offset is stored already. */
  async commitOffsetIfChanged(commit) {
    const native = connected(this)
    const bytes = encodeConfig(commit, 'offset commit')
    return nativeCall(() => native.commitOffsetIfChanged(bytes))
  }

  /** The committed offset, or null. */
  async getOffset(groupId, topic, partition) {
    const native = connected(this)
    const bytes = await nativeCall(() => native.getOffset(groupId, topic, partition))
    return bytes === null ? null : decode(bytes).offset
  }

  /** All offsets of a group, the newest first. */
  async getOffsets(groupId) {
    const native = connected(this)
    return decode(await nativeCall(() => native.getOffsets(groupId))).offsets
  }
}

module.exports = { OffsetStorage }
