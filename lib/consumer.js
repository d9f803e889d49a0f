'use strict'

const { decode } = require('./bson_codec.js')
const { ConsumerEvents } = require('./consumer_events.js')
const { isInDeliveryOf } = require('./delivery_context.js')
const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { defineListenerMethods } = require('./event_listeners.js')
const { createLog } = require('./log.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')
const { PrivateBroker } = require('./broker_connection.js')
const { encodeHandlerConfig, readHandlerConfig } = require('./subscription_config.js')

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
    opening: null,
    deliveries: null,
    /** Those whose subscription is still beginning, and may deliver already. */
    starting: new Set(),
    events: new ConsumerEvents({ topic, log, broker: connection.events }),
    deadLetters: null,
  })
}

async function openNative(state) {
  const bytes = encodeConfig(state.config, 'consumer configuration')
  state.broker = await state.connection.open()
  try {
    const native = await nativeCall(() => state.broker.createConsumer(bytes))
    state.groupId = native.groupId() // with `groupMode: 'broadcast'` it is the instance's own
    state.events.attach(native)
    return native
  } catch (error) {
    await state.connection.close().catch(() => {}) // why it is closed is told
    throw error
  }
}

function connected(state) {
  if (state.native?.isConnected()) return state.native
  throw facadeError('ERR_CSB_NOT_CONNECTED', 'Consumer not connected. Call connect() first.', {
    topic: state.topic,
    groupId: state.groupId,
  })
}

/** What a transactional handler is called with. Refuses a client of another deployment. */
async function openTransactions({ native, broker, topic, groupId }, client) {
  const { HandlerTransactions } = require('./handler_transactions.js') // most programs have no transactions
  const { requireSameDeployment } = require('./user_session.js')
  await requireSameDeployment(broker, client)
  const retentionMs = await nativeCall(() => native.prepareTransactions())
  return new HandlerTransactions({ native, client, database: broker.database(), groupId, topic, retentionMs })
}

/** The core drains; this sees to it that no handler begins meanwhile. */
function endDeliveries(state) {
  const { connection, starting } = state
  for (const deliveries of [state.deliveries, ...starting]) {
    if (deliveries === null) continue
    deliveries.end()
    connection.subscriptions.delete(deliveries)
  }
  state.deliveries = null
}

/** With `wait` false it only begins to. In both cases the events go on until everything has drained. */
async function disconnectNative(state, native, wait) {
  const begun = nativeCall(() => native.disconnect(wait))
  const ended = wait ? begun : nativeCall(() => native.disconnect(true))
  endDeliveries(state)
  const detached = ended.then(() => state.events.detach(native))
  if (!wait) detached.catch((error) => state.log.error('Disconnecting a consumer failed', error))
  await (wait ? detached : begun)
}

const nothingProcessed = {
  lastProcessed: null,
  lastCommitted: null,
  hasUncommitted: false,
  areOffsetsSynced: false,
}

function makeId({ groupId, topic }) {
  const { randomUUID } = require('node:crypto') // costs 10 ms to load, and few programs come here
  return `${groupId}-${topic}-${randomUUID()}`
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
 * the offset storage is not used: offsets are always kept in `database`.
 */
class ChangeStreamConsumer {
  constructor(config, _offsetStorage, consumerGroupManager, mongoUri, database) {
    initialise(this, config, {
      connection: new PrivateBroker(mongoUri, database),
      log: createLog(),
      groupManager: consumerGroupManager,
      id: makeId(config || {}),
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
    return native?.isConnected() === true
  }

  isSubscribed() {
    const { native } = states.get(this)
    return native?.isSubscribed() === true
  }

  /**
   * Logs the current offsets once at INFO, if the configuration has `enableOffsetMonitoring`. The core repeats it
   * while the consumer is subscribed; 1.4.2 started a timer here that never ended.
   */
  startOffsetMonitoring() {
    const state = states.get(this)
    if (state.monitored) state.log.info(`Offset monitoring: ${JSON.stringify(this.getOffsetInfo())}`)
  }

  /** What the group gave up on in this topic. */
  get deadLetters() {
    const state = states.get(this)
    const { DeadLetters } = require('./dead_letters.js') // few programs come here
    state.deadLetters ??= new DeadLetters(() => connected(state).deadLetters())
    return state.deadLetters
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

  /** Resolves when every partition that the group has for this member listens: what is sent from then on is delivered. */
  async subscribe(handlerConfig) {
    const state = states.get(this)
    const native = connected(state)
    if (isInDeliveryOf(native)) {
      throw facadeError(
        'ERR_CSB_ALREADY_SUBSCRIBED',
        'subscribe() inside a handler of the same consumer would wait for itself; call it when the handler is done',
      )
    }
    const { fields, handlers, client } = readHandlerConfig(handlerConfig)
    const { broker, topic, groupId, log, groupManager, events } = state
    const { Deliveries } = require('./deliveries.js') // not needed by those who only send
    const transactions = client === undefined ? undefined : await openTransactions(state, client)
    const sessions = transactions?.sessionIds
    const deliveries = new Deliveries({
      native,
      broker,
      topic,
      handlers,
      transactions,
      log,
      onError: (error) => events.emit('error', { error }),
      afterRecord: groupManager
        ? (record) => groupManager.updateOffset(groupId, topic, record.offset, record.partition)
        : undefined,
    })
    state.starting.add(deliveries)
    state.connection.subscriptions.add(deliveries)
    try {
      const bytes = encodeHandlerConfig({ ...fields, sessions })
      await nativeCall(() => native.subscribe(bytes, deliveries.receive))
    } catch (error) {
      state.connection.subscriptions.delete(deliveries)
      deliveries.end()
      throw error
    } finally {
      state.starting.delete(deliveries)
    }
    endDeliveries(state)
    state.deliveries = deliveries
  }

  /** How far the group is behind in each partition, by what it has committed. */
  async lag() {
    const native = connected(states.get(this))
    return decode(await nativeCall(() => native.lag())).partitions
  }

  /**
   * Goes on from another place, with the whole group: sets its offsets in this topic, also while members run. Resolves as
   * `resetOffsets` of the broker does.
   */
  async seek(to, { partitions, dryRun } = {}) {
    const state = states.get(this)
    connected(state)
    const { topic, groupId, broker } = state
    const bytes = encodeConfig({ groupId, topic, partitions, to, dryRun, force: true }, 'reset of offsets')
    return decode(await nativeCall(() => broker.resetOffsets(bytes))).partitions
  }

  /** Stops fetching; nothing is dropped and the partitions stay assigned. */
  pause() {
    const state = states.get(this)
    const native = connected(state)
    nativeCallSync(() => native.pause())
    for (const deliveries of [state.deliveries, ...state.starting]) deliveries?.stopInFlight()
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
    const state = states.get(this)
    const { native } = state
    if (native === null) return
    const unsubscribed = nativeCall(() => native.unsubscribe(!isInDeliveryOf(native)))
    endDeliveries(state)
    await unsubscribed
  }

  /** As `unsubscribe()`, and leaves the group. */
  async disconnect() {
    const state = states.get(this)
    await state.opening?.catch(() => {}) // whoever connects hears of it
    const { native, groupManager, groupId, id, connection } = state
    const wait = native === null || !isInDeliveryOf(native)
    if (native !== null) await disconnectNative(state, native, wait)
    if (groupManager) groupManager.removeMemberFromGroup(groupId, id)
    await connection.close(wait)
  }
}

defineListenerMethods(ChangeStreamConsumer.prototype, (consumer) => states.get(consumer).events.listeners)

/** The consumer of a ChangeStreamBroker. */
async function createConsumer(connection, config, log) {
  const consumer = Object.create(ChangeStreamConsumer.prototype)
  initialise(consumer, config, { connection, log })
  await consumer.connect()
  return consumer
}

module.exports = { ChangeStreamConsumer, createConsumer }
