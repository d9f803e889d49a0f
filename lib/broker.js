'use strict'

const { decode } = require('./bson_codec.js')
const { BrokerEvents } = require('./broker_events.js')
const { createConsumer } = require('./consumer.js')
const { isInDeliveryOf } = require('./delivery_context.js')
const { encodeConfig } = require('./encode_config.js')
const { defineListenerMethods } = require('./event_listeners.js')
const { createLog } = require('./log.js')
const { nativeAddon } = require('./native_addon.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')
const { SharedBroker } = require('./broker_connection.js')
const { createProducer } = require('./producer.js')

// Private state stands beside the instances, not in them: subclasses may use any field name (`logger`, `config`…).
const states = new WeakMap()

/**
 * A message broker in a MongoDB database. A constructor function, not a class: classes compiled to ES5 extend it by
 * calling it on their own instance, which a class would refuse.
 */
function ChangeStreamBroker(config) {
  if (!(this instanceof ChangeStreamBroker)) {
    throw new TypeError("ChangeStreamBroker must be called with 'new'")
  }
  const bytes = encodeConfig(config, 'broker configuration', ['logger'])
  const log = createLog(config)
  const { NativeBroker } = nativeAddon()
  const native = nativeCallSync(() => new NativeBroker(bytes, log.write))
  const events = new BrokerEvents(log)
  states.set(this, { native, log, events, connection: new SharedBroker(native, events) })
}

const methods = {
  /** Connects; resolves at once if connected. */
  async connect() {
    const { native, events } = states.get(this)
    await nativeCall(() => native.connect())
    if (native.isConnected()) events.connected()
  },

  /** Creates the topic, its partitions and indexes, or checks that what exists agrees with `config`. */
  async createTopic(config) {
    const { native } = states.get(this)
    const bytes = encodeConfig(config, 'topic configuration')
    await nativeCall(() => native.createTopic(bytes))
  },

  /** A connected producer. Cheap to call again with the same configuration: such producers are one. */
  async createProducer(config) {
    const { connection } = states.get(this)
    return createProducer(connection, config)
  },

  /** A connected consumer; `subscribe()` starts it. */
  async createConsumer(config) {
    const { connection, log } = states.get(this)
    return createConsumer(connection, config, log)
  },

  /** The dead letters of a group, of all its topics. Refuses the group when it is used, as it does without a connection. */
  getDeadLetters(groupId) {
    const { native } = states.get(this)
    const { DeadLetters } = require('./dead_letters.js') // few programs come here
    return new DeadLetters(() => {
      const group = encodeConfig({ groupId }, 'group of dead letters')
      return nativeCallSync(() => native.deadLetters(group))
    })
  },

  /**
   * Sets the offsets of a group in a topic, back or ahead. With `dryRun` it only tells what that would change. Resolves to
   * one entry per partition: the stored messages that the group had before, and has after.
   */
  async resetOffsets(request) {
    const { native } = states.get(this)
    const bytes = encodeConfig(request, 'reset of offsets')
    return decode(await nativeCall(() => native.resetOffsets(bytes))).partitions
  },

  /**
   * Drains every consumer and producer, then closes the connections. May be called twice or concurrently. Called
   * from inside a handler of one of its consumers it starts that and resolves at once.
   */
  async disconnect() {
    const { native, connection, events, log } = states.get(this)
    const isInside = isInDeliveryOf(native)
    // What was sent before is sent.
    connection.unsent?.flush()
    if (connection.behind.size > 0) await Promise.all(connection.behind)
    const begun = nativeCall(() => native.disconnect(!isInside))
    const ended = isInside ? nativeCall(() => native.disconnect(true)) : begun
    connection.endSubscriptions()
    const told = ended.then(() => events.disconnected())
    if (isInside) told.catch((error) => log.error('Disconnecting failed', error))
    await (isInside ? begun : told)
  },
}

for (const [name, value] of Object.entries(methods)) {
  // As a class has them: found by name, but not enumerated.
  Object.defineProperty(ChangeStreamBroker.prototype, name, { value, writable: true, configurable: true })
}

defineListenerMethods(ChangeStreamBroker.prototype, (broker) => states.get(broker).events.listeners)

module.exports = { ChangeStreamBroker }
