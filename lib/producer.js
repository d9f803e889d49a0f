'use strict'

const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { nativeCall } = require('./native_call.js')
const { Outbox } = require('./outbox.js')
const { PrivateBroker } = require('./private_broker.js')

// Private state stands beside the instances, not in them: subclasses may use any field name.
const states = new WeakMap()

function initialise(producer, config, connection) {
  const { topic, partitionStrategy } = config || {}
  states.set(producer, { config, topic, partitionStrategy, connection, native: null, outbox: null, opening: null })
}

async function openNative(state) {
  const bytes = encodeConfig(state.config, 'producer configuration')
  const broker = await state.connection.open()
  try {
    return await nativeCall(() => broker.createProducer(bytes))
  } catch (error) {
    await state.connection.close()
    throw error
  }
}

function isConnected(state) {
  return state.native?.isConnected() === true
}

/**
 * Sends messages to one topic. `broker.createProducer()` returns a connected one; constructed directly, as 1.4.2
 * allowed, it has a connection of its own from `connect()` to `disconnect()`.
 */
class ChangeStreamProducer {
  constructor(config, mongoUri, database) {
    initialise(this, config, new PrivateBroker(mongoUri, database))
  }

  getTopic() {
    return states.get(this).topic
  }

  get isConnected() {
    return isConnected(states.get(this))
  }

  /** Connects; resolves at once if connected. */
  async connect() {
    const state = states.get(this)
    if (isConnected(state)) return
    if (state.opening === null) {
      state.opening = openNative(state).finally(() => {
        state.opening = null
      })
    }
    const native = await state.opening
    if (state.native === native) return
    state.native = native
    state.outbox = new Outbox(native, state.connection, state.partitionStrategy !== 'round-robin')
  }

  /**
   * Sends one message or an array. Resolves when all are stored (majority, journaled); an empty array resolves at
   * once. Nothing is sent if one of them cannot be (ERR_CSB_INVALID_MESSAGE, ERR_CSB_MESSAGE_TOO_LARGE).
   */
  async send(messages) {
    const state = states.get(this)
    if (!isConnected(state)) {
      throw facadeError('ERR_CSB_NOT_CONNECTED', 'Producer not connected. Call connect() first.', {
        status: 'notWritten',
        topic: state.topic,
      })
    }
    const sent = state.outbox.add(messages)
    await nativeCall(() => sent)
  }

  /**
   * Waits for the sends under way, then closes this producer alone: the core shares one among all producers of a
   * broker with the same configuration, and the others go on.
   */
  async disconnect() {
    const state = states.get(this)
    state.native = null
    await state.outbox?.settled()
    await state.connection.close()
  }
}

/** The producer of a ChangeStreamBroker. */
async function createProducer(connection, config) {
  const producer = Object.create(ChangeStreamProducer.prototype)
  initialise(producer, config, connection)
  await producer.connect()
  return producer
}

module.exports = { ChangeStreamProducer, createProducer }
