'use strict'

const { decode, encode } = require('./bson_codec.js')
const { deliverBatch } = require('./deliver_batch.js')
const { runInDelivery } = require('./delivery_context.js')
const { errorFromNative, facadeError } = require('./errors.js')
const { isNativeError } = require('node:util').types

const DELIVER = 0
const STOP = 1
const ATTEMPT_FAILED = 2
const CONSUMER_ERROR = 3

const PROGRESS = 0
const DONE = 1
const STOPPED = 2
const FAILED = 3
const ERROR_HANDLED = 4

const LONGEST_TEXT = 16 * 1024

/** The error that errorHandler gets: what was thrown itself if it is an Error, also one of another realm. */
function asError(thrown) {
  if (thrown instanceof Error || isNativeError(thrown)) return thrown
  return facadeError(
    'ERR_CSB_HANDLER_FAILED',
    `The handler threw a value that is not an Error: ${textOf(() => thrown)}`,
    {
      cause: thrown,
    },
  )
}

/** Text of anything; never throws, although getters of user-made errors may. */
function textOf(value) {
  try {
    return String(value()).slice(0, LONGEST_TEXT)
  } catch {
    return 'unknown'
  }
}

function encodeError(error) {
  return encode({
    name: textOf(() => error.name),
    message: textOf(() => error.message),
    stack: textOf(() => error.stack || ''),
  })
}

/**
 * One subscription's side of the delivery protocol: `receive` is the callback of the native consumer, which decides
 * about retries, commits and order; here the user's functions are called and the outcome is reported. It never
 * throws. State: the deliveries in flight, by the id that the core gave them.
 */
class Deliveries {
  constructor({ native, broker, topic, handlers, log, afterRecord }) {
    this.native = native
    this.owners = [native, broker]
    this.topic = topic
    this.handlers = handlers
    this.log = log
    this.afterRecord = afterRecord
    this.inFlight = new Map()
    this.ended = false
    this.receive = this.receive.bind(this)
  }

  // The core's STOP comes through the event loop. Handlers that never wait for it would all be called before, so a
  // pause or an end that is asked for in this process takes effect at once.

  /** After the handler calls in flight no other follows in these deliveries. */
  stopInFlight() {
    for (const delivery of this.inFlight.values()) delivery.stopping = true
  }

  /** The same, for good. */
  end() {
    this.ended = true
    this.stopInFlight()
  }

  receive(kind, id, payload) {
    if (kind === DELIVER) this.guard('A delivery', () => this.deliver(id, payload))
    else if (kind === STOP) this.stop(id)
    else if (kind === ATTEMPT_FAILED) this.guard('Reporting a failed attempt', () => this.attemptFailed(id, payload))
    else if (kind === CONSUMER_ERROR) this.guard('Reporting an error', () => this.consumerError(payload))
  }

  /** Nobody awaits these: whatever escapes is logged, never an unhandled rejection. */
  guard(what, run) {
    run().catch((error) => this.log.error(`${what} on topic "${this.topic}" failed`, error))
  }

  stop(id) {
    const delivery = this.inFlight.get(id)
    if (delivery !== undefined) delivery.stopping = true // else it has just ended, and its report is on the way
  }

  async deliver(id, payload) {
    const delivery = { stopping: this.ended || this.native.isPaused(), failed: undefined }
    this.inFlight.set(id, delivery)
    const { handled, total, failed } = await this.runBatch(delivery, id, payload)
    if (failed !== undefined) {
      delivery.failed = failed
      this.native.report(id, handled, FAILED, encodeError(failed.error))
      return
    }
    this.inFlight.delete(id)
    this.native.report(id, handled, handled === total ? DONE : STOPPED)
  }

  async runBatch(delivery, id, payload) {
    const { handler } = this.handlers
    const options = {
      topic: this.topic,
      handle: async (record) => {
        await runInDelivery(this.owners, () => handler(record))
        if (this.afterRecord !== undefined) this.afterRecord(record)
      },
      progress: (handled) => this.native.report(id, handled, PROGRESS),
    }
    try {
      const outcome = await deliverBatch(delivery, payload, options)
      if (outcome.failed !== undefined) outcome.failed.error = asError(outcome.failed.error)
      return outcome
    } catch (cause) {
      const error = facadeError('ERR_CSB_INTERNAL', `A delivery failed: ${textOf(() => cause)}`, { cause })
      return { handled: 0, failed: { error, record: null } }
    }
  }

  async attemptFailed(id, payload) {
    const delivery = this.inFlight.get(id)
    this.inFlight.delete(id)
    const { attempt, willRetry } = decode(payload)
    if (delivery !== undefined && delivery.failed !== undefined) {
      const { error, record } = delivery.failed
      await this.callErrorHandler(error, record, { attempt, willRetry })
    }
    this.native.report(id, 0, ERROR_HANDLED)
  }

  async consumerError(payload) {
    await this.callErrorHandler(errorFromNative(decode(payload)), null)
  }

  async callErrorHandler(error, record, attempt) {
    const { errorHandler } = this.handlers
    if (errorHandler === undefined) return
    try {
      await runInDelivery(this.owners, () => errorHandler(error, record, attempt))
    } catch (thrown) {
      this.log.error(`The errorHandler of the consumer of topic "${this.topic}" failed`, thrown)
    }
  }
}

module.exports = { Deliveries }
