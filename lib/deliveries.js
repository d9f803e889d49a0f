'use strict'

const { decode, encode } = require('./bson_codec.js')
const { deliverEach } = require('./deliver_each.js')
const { callBatchHandler, deliverTogether } = require('./deliver_together.js')
const { Delivery } = require('./delivery.js')
const { runInDelivery } = require('./delivery_context.js')
const { errorFromNative, facadeError } = require('./errors.js')
const { asError, errorFields, textOf } = require('./handler_errors.js')

const DELIVER = 0
const STOP = 1
const ATTEMPT_FAILED = 2
const CONSUMER_ERROR = 3
const TIME_OUT = 4
const ABANDON = 5
const PING = 6
const LEASE_LOST = 7
const ASSIGNED = 8
const REVOKED = 9
const FORGOTTEN = 10

const PROGRESS = 0
const DONE = 1
const STOPPED = 2
const FAILED = 3
const ERROR_HANDLED = 4
const BATCH_FAILED = 5

/**
 * One subscription's side of the delivery protocol: `receive` is the callback of the native consumer, which decides
 * about retries, commits and order; here the user's functions are called and the outcome is reported. It never
 * throws. State: the deliveries in flight, by the id that the core gave them.
 */
class Deliveries {
  constructor({ native, broker, topic, handlers, transactions, log, afterRecord = () => {}, onError = () => {} }) {
    this.native = native
    this.owners = [native, broker]
    this.topic = topic
    this.handlers = handlers
    this.transactions = transactions
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
    this.transactions?.end().catch(() => {}) // its sessions end with their client at the latest
  }

  receive(kind, id, payload) {
    if (kind === DELIVER) this.guard('A delivery', () => this.deliver(id, payload))
    else if (kind === STOP) this.stop(id)
    else if (kind === ATTEMPT_FAILED) this.guard('Reporting a failed attempt', () => this.attemptFailed(id, payload))
    else if (kind === CONSUMER_ERROR) this.guard('Reporting an error', () => this.consumerError(payload))
    else if (kind === TIME_OUT) this.timeOut(id, payload)
    else if (kind === ABANDON) this.guard('Giving a call up', () => this.abandon(id, payload))
    else if (kind === PING) this.native.pong(id)
    else if (kind === LEASE_LOST) this.leaseLost(id)
    else if (kind === ASSIGNED) this.guard('onAssigned', () => this.runHook('onAssigned', id, payload))
    else if (kind === FORGOTTEN) this.inFlight.delete(id)
    else if (kind === REVOKED) this.guard('onRevoked', () => this.runHook('onRevoked', id, payload))
  }

  /** Nobody awaits these: whatever escapes is logged, never an unhandled rejection. */
  guard(what, run) {
    run().catch((error) => this.log.error(`${what} on topic "${this.topic}" failed`, error))
  }

  stop(id) {
    const delivery = this.inFlight.get(id)
    if (delivery !== undefined) delivery.stopping = true // else it has just ended, and its report is on the way
  }

  get takesBatches() {
    return this.handlers.batchHandler !== undefined
  }

  async deliver(id, payload) {
    const delivery = new Delivery(this.ended || this.native.isPaused())
    this.inFlight.set(id, delivery)
    try {
      const isComplete = await (this.takesBatches
        ? this.runTogether(delivery, id, payload)
        : this.runEach(delivery, id, payload))
      if (delivery.abandoned) return
      if (delivery.failures.size === 0 || delivery.isLost) {
        this.inFlight.delete(id)
        this.native.report(id, delivery.handled, isComplete && !delivery.isLost ? DONE : STOPPED)
        return
      }
    } catch (cause) {
      this.failUnasked(delivery, id, cause)
      return
    }
    await this.askAndReport(delivery, id)
  }

  async runEach(delivery, id, payload) {
    const { handler } = this.handlers
    const call = ({ record }, context) => runInDelivery(this.owners, () => handler(record, context))
    const callInTransaction = (entry, context) =>
      this.inTransaction(delivery, id, [entry], context, async () => {
        await call(entry, context)
        return new Map()
      })
    const run = this.transactions === undefined ? call : callInTransaction
    const total = await deliverEach(delivery, payload, {
      topic: this.topic,
      handle: async (entry, context) => {
        await run(entry, context)
        if (!delivery.abandoned) this.afterRecord(entry.record)
      },
      progress: () => {
        delivery.reported = delivery.handled
        this.native.report(id, delivery.handled, PROGRESS)
      },
    })
    return delivery.handled === total
  }

  /** Runs `handle` with the entries that were not handled before, in a transaction if the user wants one. */
  async inTransaction(delivery, id, entries, context, handle) {
    if (this.transactions === undefined) return handle(entries)
    return this.transactions.run(id, delivery, entries, (session, fresh) => {
      context.session = session
      return handle(fresh)
    })
  }

  async runTogether(delivery, id, payload) {
    if (delivery.stopping) return false
    const { batchHandler } = this.handlers
    const handled = await deliverTogether(delivery, payload, {
      topic: this.topic,
      handle: (batch, context) =>
        this.inTransaction(delivery, id, batch, context, (fresh) => {
          if (fresh.length < batch.length) context.describe(fresh)
          const call = (records) => runInDelivery(this.owners, () => batchHandler(records, context))
          return callBatchHandler(call, fresh)
        }),
    })
    for (const record of handled) this.afterRecord(record)
    return true
  }

  /** A defect of ours fails what is in hand, never silently. Of a batch nothing is known to be handled. */
  failUnasked(delivery, id, cause) {
    if (delivery.isReported || delivery.abandoned) return
    const error = facadeError('ERR_CSB_INTERNAL', `A delivery failed: ${textOf(() => cause)}`, { cause })
    delivery.failures.clear()
    delivery.failDecided(delivery.handled, null, error, true)
    delivery.settle()
    this.native.report(id, delivery.handled, FAILED, encode({ ...errorFields(error), mayRetry: true }))
  }

  /** Asks the user about each failure, then reports. */
  async askAndReport(delivery, id) {
    delivery.isAsking = true
    for (const failure of delivery.failures.values()) {
      failure.error = asError(failure.error)
      if (!failure.isDecided) failure.mayRetry = await this.mayRetry(failure)
      if (delivery.isReported) return
    }
    this.reportFailures(delivery, id)
  }

  reportFailures(delivery, id) {
    delivery.settle()
    const { failures, handled } = delivery
    const details = Array.from(failures, ([index, failure]) => {
      failure.error = asError(failure.error)
      const { mayRetry, isTransient = false } = failure
      return { index, ...errorFields(failure.error, failures.size), mayRetry, transient: isTransient }
    })
    // What interrupts a batch interrupts all of it.
    const isWhole = !this.takesBatches || details[0].transient
    if (isWhole) this.native.report(id, handled, FAILED, encode(details[0]))
    else this.native.report(id, 0, BATCH_FAILED, encode({ failures: details }))
  }

  /** The user's word on whether another attempt makes sense. Without one, or when it fails, it does. */
  async mayRetry({ error, record, attempt }) {
    const { retryIf } = this.handlers
    if (retryIf === undefined) return true
    try {
      return (await runInDelivery(this.owners, () => retryIf(error, record, { attempt }))) !== false
    } catch (thrown) {
      this.log.error(`retryIf of the consumer of topic "${this.topic}" failed; the record is tried again`, thrown)
      return true
    }
  }

  timeOut(id, payload) {
    const delivery = this.inFlight.get(id)
    if (delivery !== undefined && isAboutRunning(delivery, payload)) delivery.timeOut(this.timeOutError(delivery))
  }

  /** Another member may have the partition: what runs is asked to end, for what it does now will be done again. */
  leaseLost(id) {
    const delivery = this.inFlight.get(id)
    if (delivery === undefined) return
    delivery.stopping = true
    const { partition } = delivery
    const text = `The consumer of topic "${this.topic}" has lost the partition; its record is delivered to another member`
    delivery.timeOut(facadeError('ERR_CSB_LEASE_LOST', text, { topic: this.topic, partition }))
  }

  /** The user's say when partitions come or go. The core waits for the answer, but not for ever. */
  async runHook(name, id, payload) {
    try {
      await runInDelivery(this.owners, () => this.handlers[name](decode(payload)))
    } catch (thrown) {
      this.log.error(`${name} of the consumer of topic "${this.topic}" failed`, thrown)
    } finally {
      this.native.pong(id)
    }
  }

  /** What runs did not end although it was asked to: it has failed, whatever it comes to later. */
  async abandon(id, payload) {
    const delivery = this.inFlight.get(id)
    if (delivery === undefined || delivery.isReported || !isAboutRunning(delivery, payload)) return
    if (delivery.isCommitting) return // it ends soon, and says how
    if (delivery.isAsking) {
      const what = `retryIf of the consumer of topic "${this.topic}" did not answer in time; the record is tried again`
      this.log.error(what, this.timeOutError(delivery))
      this.reportFailures(delivery, id)
      return
    }
    delivery.abandon(this.timeOutError(delivery))
    await this.askAndReport(delivery, id)
  }

  timeOutError({ partition }) {
    const { handlerTimeoutMs } = this.handlers
    const limit = handlerTimeoutMs === undefined ? 'handlerTimeoutMs' : `handlerTimeoutMs, ${handlerTimeoutMs} ms`
    const when = this.ended ? `${limit}, or before the end of its subscription` : limit
    return facadeError(
      'ERR_CSB_HANDLER_TIMEOUT',
      `The handler of topic "${this.topic}" did not finish within ${when}: raise it, or end when context.signal aborts`,
      { topic: this.topic, partition },
    )
  }

  async attemptFailed(id, payload) {
    const { index, attempt, willRetry, isLast } = decode(payload)
    const delivery = this.inFlight.get(id)
    if (isLast) this.inFlight.delete(id)
    const failure = delivery === undefined ? undefined : delivery.failures.get(index)
    if (failure !== undefined) {
      delivery.failures.delete(index)
      await this.callErrorHandler(failure.error, failure.record, { attempt, willRetry })
    }
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

/**
 * Whether what the core says is about the call that runs now. While the event loop was blocked the call that it meant may
 * have ended, which the core has been told meanwhile.
 */
function isAboutRunning(delivery, payload) {
  return delivery.reported <= decode(payload).handled
}

module.exports = { Deliveries }
