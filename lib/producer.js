'use strict'

const { encodeConfig } = require('./encode_config.js')
const { encodeMessages } = require('./encode_messages.js')
const { facadeError } = require('./errors.js')
const { nativeCall, publicError } = require('./native_call.js')
const { Outbox } = require('./outbox.js')
const { PrivateBroker } = require('./broker_connection.js')

// Private state stands beside the instances, not in them: subclasses may use any field name.
const states = new WeakMap()

function initialise(producer, config, connection) {
  const { topic, partitionStrategy } = config || {}
  const hashesValue = partitionStrategy !== 'round-robin'
  states.set(producer, {
    config,
    topic,
    hashesValue,
    connection,
    broker: null,
    native: null,
    outbox: null,
    opening: null,
  })
}

async function openNative(state) {
  const bytes = encodeConfig(state.config, 'producer configuration')
  state.broker = await state.connection.open()
  try {
    return await nativeCall(() => state.broker.createProducer(bytes))
  } catch (error) {
    await state.connection.close().catch(() => {}) // why it is closed is told
    throw error
  }
}

function isConnected(state) {
  return state.native?.isConnected() === true
}

async function sendWithin(session, state, messages) {
  const { checkSession } = require('./user_session.js') // most programs have no transactions
  const { sendInTransaction } = require('./transactional_send.js')
  checkSession(session)
  const parts = encodeMessages(messages, state.hashesValue)
  if (parts.length > 0) await sendInTransaction(state, parts, session)
}

/** All or none. What was sent before is stored before. */
async function sendTogether({ native, outbox, hashesValue }, messages) {
  const parts = encodeMessages(messages, hashesValue)
  if (parts.length > 0) await outbox.addBehind(() => native.sendTogether(parts))
}

const plainSend = { session: undefined, atomic: false }

function readSendOptions(options) {
  if (options === undefined || options === null) return plainSend
  const problem = problemOfOptions(options)
  if (problem !== undefined) throw facadeError('ERR_CSB_INVALID_CONFIG', problem, { status: 'notWritten' })
  return { session: options.session ?? undefined, atomic: options.atomic ?? false }
}

function problemOfOptions(options) {
  if (typeof options !== 'object' || Array.isArray(options)) {
    return 'the options of send must be an object, such as { session }'
  }
  const { atomic } = options
  if (atomic === undefined || atomic === null || typeof atomic === 'boolean') return undefined
  return `atomic is ${typeof atomic}: give true or false`
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
    state.outbox = new Outbox(native, state.connection, state.hashesValue)
  }

  /**
   * Sends one message or an array. Resolves when all are stored (majority, journaled); an empty array resolves at
   * once. Nothing is sent if one of them cannot be (ERR_CSB_INVALID_MESSAGE, ERR_CSB_MESSAGE_TOO_LARGE).
   * With `session` they are stored within its transaction.
   */
  async send(messages, options) {
    const state = states.get(this)
    if (state.outbox?.isOpen() !== true) {
      throw facadeError('ERR_CSB_NOT_CONNECTED', 'Producer not connected. Call connect() first.', {
        status: 'notWritten',
        topic: state.topic,
      })
    }
    const { session, atomic } = readSendOptions(options)
    if (session !== undefined) {
      await sendWithin(session, state, messages)
      return
    }
    const sent = atomic ? sendTogether(state, messages) : state.outbox.add(messages)
    try {
      await sent
    } catch (error) {
      throw publicError(error, this.send)
    }
  }

  /**
   * Waits for the sends under way, then closes this producer alone: the core shares one among all producers of a
   * broker with the same configuration, and the others go on.
   */
  async disconnect() {
    const state = states.get(this)
    await state.opening?.catch(() => {}) // whoever connects hears of it
    const { outbox } = state
    state.native = null
    state.outbox = null
    await outbox?.settled()
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
