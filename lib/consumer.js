'use strict'

const { randomUUID } = require('crypto')
const { decode } = require('./bson_codec.js')
const { Deliveries } = require('./deliveries.js')
const { isInDeliveryOf } = require('./delivery_context.js')
const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { createLog } = require('./log.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')
const { PrivateBroker, sharedBroker } = require('./private_broker.js')
const { readHandlerConfig } = require('./subscription_config.js')

// Private state stands beside the instances, not in them: subclasses may use any field name.
const states = new WeakMap()

function initialise(consumer, config, { connection, log, groupManager, id }) {
  const { topic, groupId, enableOffsetMonitoring } = config || {}
  states.set(consumer, {
    config,
    topic,
    groupId,
    monitored: enableOffsetMonitoring === true,
    connection,
    log,
    groupManager,
    id,
    broker: null,
    native: null,
    opening: null
  })
}

async function openNative(state) {
  const bytes = encodeConfig(state.config, 'consumer configuration')
  state.broker = await state.connection.open()
  try {
    return await nativeCall(() => state.broker.createConsumer(bytes))
  } catch (error) {
    await state.connection.close()
    throw error
  }
}

function connected(state) {
  if (state.native !== null && state.native.isConnected()) return state.native
  throw facadeError('ERR_CSB_NOT_CONNECTED', 'Consumer not connected. Call connect() first.', {
    topic: state.topic,
    groupId: state.groupId
  })
}

const nothingProcessed = {
  lastProcessed: null,
  lastCommitted: null,
  hasUncommitted: false,
  areOffsetsSynced: false
}

/** Registers a directly constructed consumer with its ConsumerGroupManager, as 1.4.2 did on connect. */
function joinGroupManager(consumer, { groupManager, groupId, topic, id }) {
  if (!groupManager) return
  if (groupManager.getConsumerGroup(groupId) === undefined) groupManager.createConsumerGroup(groupId, [topic])
  groupManager.addMemberToGroup(groupId, id, consumer)
}

/**
 * Receives the messages of one topic as a member of a group. `broker.createConsumer()` returns a connected one;
 * constructed directly, as 1.4.2 allowed, it has a connection of its own from `connect()` to `disconnect()`, and
 * `offsetStorage` is not used: offsets are always kept in `database`.
 */
class ChangeStreamConsumer {
  constructor(config, offsetStorage, consumerGroupManager, mongoUri, database) {
    const { groupId, topic } = config || {}
    initialise(this, config, {
      connection: new PrivateBroker(mongoUri, database),
      log: createLog(),
      groupManager: consumerGroupManager,
      id: `${groupId}-${topic}-${randomUUID()}`
    })
  }

  getConsumerId() {
    const { id, native } = states.get(this)
    return id === undefined ? native.consumerId() : id
  }

  getGroupId() {
    return states.get(this).groupId
  }

  getTopic() {
    return states.get(this).topic
  }

  /** The offset of the newest message whose handler succeeded, or null. */
  getLastProcessedOffset() {
    return this.getOffsetInfo().lastProcessed
  }

  getOffsetInfo() {
    const { native } = states.get(this)
    return native === null ? { ...nothingProcessed } : decode(nativeCallSync(() => native.offsetInfo()))
  }

  isConnected() {
    const { native } = states.get(this)
    return native !== null && native.isConnected()
  }

  isSubscribed() {
    const { native } = states.get(this)
    return native !== null && native.isSubscribed()
  }

  /**
   * Logs the current offsets once at INFO, if the configuration has `enableOffsetMonitoring`. The core repeats it
   * while the consumer is subscribed; 1.4.2 started a timer here that never ended.
   */
  startOffsetMonitoring() {
    const state = states.get(this)
    if (state.monitored) state.log.info(`Offset monitoring: ${JSON.stringify(this.getOffsetInfo())}`)
  }

  /** Connects; resolves at once if connected. */
  async connect() {
    const state = states.get(this)
    if (this.isConnected()) return
    if (state.opening === null) {
      state.opening = openNative(state).finally(() => {
        state.opening = null
      })
    }
    state.native = await state.opening
    joinGroupManager(this, state)
  }

  /** Resolves when every assigned partition listens: what is sent from then on is delivered. */
  async subscribe(handlerConfig) {
    const state = states.get(this)
    const native = connected(state)
    const { bytes, handlers } = readHandlerConfig(handlerConfig)
    const { broker, topic, groupId, log, groupManager } = state
    const deliveries = new Deliveries({
      native,
      broker,
      topic,
      handlers,
      log,
      afterRecord: groupManager
        ? (record) => groupManager.updateOffset(groupId, topic, record.offset, record.partition)
        : undefined
    })
    await nativeCall(() => native.subscribe(bytes, deliveries.receive))
  }

  /** Stops fetching; nothing is dropped and the partitions stay assigned. */
  pause() {
    const native = connected(states.get(this))
    nativeCallSync(() => native.pause())
  }

  resume() {
    const native = connected(states.get(this))
    nativeCallSync(() => native.resume())
  }

  /** Commits what has been processed now. Resolves to whether anything was committed. */
  async commitOffsets() {
    const { native } = states.get(this)
    return native === null ? false : nativeCall(() => native.commitOffsets())
  }

  /**
   * Drains: the handlers in flight finish, their offsets are committed, the partitions released. Called from inside
   * a handler of this consumer it starts that and resolves at once, for it would wait for itself.
   */
  async unsubscribe() {
    const { native } = states.get(this)
    if (native !== null) await nativeCall(() => native.unsubscribe(!isInDeliveryOf(native)))
  }

  /** As `unsubscribe()`, and leaves the group. */
  async disconnect() {
    const { native, groupManager, groupId, id, connection } = states.get(this)
    const wait = native === null || !isInDeliveryOf(native)
    if (native !== null) await nativeCall(() => native.disconnect(wait))
    if (groupManager) groupManager.removeMemberFromGroup(groupId, id)
    await connection.close(wait)
  }
}

/** The consumer of a ChangeStreamBroker. */
async function createConsumer(nativeBroker, config, log) {
  const consumer = Object.create(ChangeStreamConsumer.prototype)
  initialise(consumer, config, { connection: sharedBroker(nativeBroker), log })
  await consumer.connect()
  return consumer
}

module.exports = { ChangeStreamConsumer, createConsumer }
