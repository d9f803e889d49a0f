'use strict'

const { decode, encode } = require('./bson_codec.js')
const { deliverEach } = require('./deliver_each.js')
const { deliverTogether } = require('./deliver_together.js')
const { runInDelivery } = require('./delivery_context.js')
const { errorFromNative, facadeError } = require('./errors.js')
const { HandlerContext } = require('./handler_context.js')
const { isNativeError } = require('node:util').types

const DELIVER = 0
const STOP = 1
const ATTEMPT_FAILED = 2
const CONSUMER_ERROR = 3
const TIME_OUT = 4
const ABANDON = 5
const PING = 6

const PROGRESS = 0
const DONE = 1
const STOPPED = 2
const FAILED = 3
const ERROR_HANDLED = 4
const BATCH_FAILED = 5

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

function errorFields(error) {
  return {
    name: textOf(() => error.name),
    message: textOf(() => error.message),
    stack: textOf(() => error.stack || ''),
  }
}

/**
 * One subscription's side of the delivery protocol: `receive` is the callback of the native consumer, which decides
 * about retries, commits and order; here the user's functions are called and the outcome is reported. It never
 * throws. State: the deliveries in flight, by the id that the core gave them.
 */
class Deliveries {
  constructor({ native, broker, topic, handlers, log, afterRecord, onError = () => {} }) {
    this.native = native
    this.owners = [native, broker]
    this.topic = topic
    this.handlers = handlers
    this.log = log
    this.afterRecord = afterRecord
    this.onError = onError
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
    else if (kind === TIME_OUT) this.timeOut(id)
    else if (kind === ABANDON) this.guard('Giving a call up', () => this.abandon(id))
    else if (kind === PING) this.native.pong(id)
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
    const delivery = {
      stopping: this.ended || this.native.isPaused(),
      abandoned: false,
      handled: 0,
      record: undefined,
      records: undefined,
      context: undefined,
      failures: new Map(),
    }
    this.inFlight.set(id, delivery)
    if (this.handlers.batchHandler === undefined) await this.deliverEach(delivery, id, payload)
    else await this.deliverBatch(delivery, id, payload)
  }

  async deliverEach(delivery, id, payload) {
    const { handler } = this.handlers
    const outcome = await deliverEach(delivery, payload, {
      topic: this.topic,
      handle: async (record, context) => {
        await runInDelivery(this.owners, () => handler(record, context))
        if (this.afterRecord !== undefined) this.afterRecord(record)
      },
      progress: (handled) => this.native.report(id, handled, PROGRESS),
    }).catch((cause) => ({ failed: this.ownFailure(cause) }))
    if (delivery.abandoned) return
    const { handled } = delivery
    if (outcome.failed !== undefined) {
      await this.reportFailed(delivery, id, outcome.failed)
      return
    }
    this.inFlight.delete(id)
    this.native.report(id, handled, handled === outcome.total ? DONE : STOPPED)
  }

  async deliverBatch(delivery, id, payload) {
    if (delivery.stopping) {
      this.inFlight.delete(id)
      this.native.report(id, 0, STOPPED)
      return
    }
    const { batchHandler } = this.handlers
    const failures = await deliverTogether(delivery, payload, {
      topic: this.topic,
      handle: async (records, context) => {
        const outcome = await runInDelivery(this.owners, () => batchHandler(records, context))
        return outcome
      },
    }).catch((cause) => new Map([[0, this.ownFailure(cause)]]))
    if (!delivery.abandoned) await this.reportBatch(delivery, id, failures)
  }

  async reportFailed(delivery, id, { error: thrown, record }) {
    const error = asError(thrown)
    delivery.failures.set(delivery.handled, { error, record })
    const mayRetry = await this.mayRetry(error, record, delivery.context)
    if (!delivery.isReported) this.send(delivery, id, FAILED, { ...errorFields(error), mayRetry })
  }

  async reportBatch(delivery, id, failures) {
    if (failures.size === 0) {
      this.inFlight.delete(id)
      this.native.report(id, 0, DONE)
      return
    }
    const reported = []
    for (const [index, { error: thrown, record }] of failures) {
      const error = asError(thrown)
      delivery.failures.set(index, { error, record })
      const mayRetry = await this.mayRetry(error, record, delivery.context)
      reported.push({ index, ...errorFields(error), mayRetry })
    }
    if (!delivery.isReported) this.send(delivery, id, BATCH_FAILED, { failures: reported })
  }

  send(delivery, id, outcome, details) {
    delivery.isReported = true
    this.native.report(id, delivery.handled, outcome, encode(details))
  }

  /** The user's word on whether another attempt makes sense. Without one, or when it fails, it does. */
  async mayRetry(error, record, context) {
    const { retryIf } = this.handlers
    if (retryIf === undefined) return true
    try {
      const attempt = context === undefined ? 1 : context.attempt
      return (await runInDelivery(this.owners, () => retryIf(error, record, { attempt }))) !== false
    } catch (thrown) {
      this.log.error(`retryIf of the consumer of topic "${this.topic}" failed; the record is tried again`, thrown)
      return true
    }
  }

  /** A defect of ours fails the record that is in hand, never silently. */
  ownFailure(cause) {
    const error = facadeError('ERR_CSB_INTERNAL', `A delivery failed: ${textOf(() => cause)}`, { cause })
    return { error, record: null }
  }

  timeOut(id) {
    const delivery = this.inFlight.get(id)
    if (delivery !== undefined && delivery.context !== undefined) {
      HandlerContext.abort(delivery.context, this.timeOutError())
    }
  }

  /** What runs did not end although it was asked to: it has failed, whatever it comes to later. */
  async abandon(id) {
    const delivery = this.inFlight.get(id)
    if (delivery === undefined || delivery.isReported) return
    delivery.abandoned = true
    const error = this.timeOutError()
    if (this.handlers.batchHandler === undefined) {
      await this.reportFailed(delivery, id, { error, record: delivery.record })
      return
    }
    const failures = (delivery.records || [null]).map((record, index) => [index, { error, record }])
    await this.reportBatch(delivery, id, new Map(failures))
  }

  timeOutError() {
    return facadeError(
      'ERR_CSB_HANDLER_TIMEOUT',
      `The handler of topic "${this.topic}" did not finish within handlerTimeoutMs`,
      { topic: this.topic },
    )
  }

  async attemptFailed(id, payload) {
    const delivery = this.inFlight.get(id)
    const { index, attempt, willRetry, isLast } = decode(payload)
    if (isLast) this.inFlight.delete(id)
    const failure = delivery === undefined ? undefined : delivery.failures.get(index)
    if (failure !== undefined) await this.callErrorHandler(failure.error, failure.record, { attempt, willRetry })
    this.native.report(id, 0, ERROR_HANDLED)
  }

  async consumerError(payload) {
    const error = errorFromNative(decode(payload))
    this.onError(error)
    await this.callErrorHandler(error, null)
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
