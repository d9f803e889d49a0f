'use strict'

const { HandlerContext } = require('./handler_context.js')
const { Interruption } = require('./interruption.js')

/**
 * One delivery: what user code has in hand, how far it is, and what failed. Holds no more than the facts; `Deliveries`
 * reports them.
 */
class Delivery {
  /** No further call may begin. */
  stopping
  /** The running call was given up: what it comes to is not heard. */
  abandoned = false
  /** User code has ended, or was given up, and the user is asked whether what failed may be tried again. */
  isAsking = false
  /** The outcome has gone out. */
  isReported = false
  partition
  /** Records from the first one that are handled. Always 0 for a batch. */
  handled = 0
  /** So many of them the core has been told of. */
  reported = 0
  /** Its transaction is being committed: it cannot be given up now. */
  isCommitting = false
  /** What is to be done when the running call is given up. */
  onAbandon
  /** The partition is lost, or whoever asked for the delivery has gone: nothing of it counts any more. */
  isLost = false
  /** By index in the delivery: `{ error, record, attempt, isDecided, mayRetry, isTransient }`. */
  failures = new Map()
  /** Of the running call. */
  #context
  /** What the running call was given, one record or those of a batch: `{ index, record, attempt }`. */
  #inHand = []

  constructor(stopping) {
    this.stopping = stopping
  }

  /** A call begins with these: `{ index, record, attempt }`. */
  begin(context, inHand) {
    this.#context = context
    this.#inHand = inHand
  }

  /** The user is asked whether they may be tried again, unless the call does not count. */
  failed(entries, error) {
    if (error instanceof Interruption) {
      this.#interrupted(entries, error)
      return
    }
    for (const { index, record, attempt } of entries) {
      this.failures.set(index, { error, record, attempt, isDecided: false, mayRetry: true })
    }
  }

  #interrupted(entries, { cause, isLost }) {
    this.isLost ||= isLost
    for (const { index, record, attempt } of entries) {
      this.failures.set(index, { error: cause, record, attempt, isDecided: true, mayRetry: true, isTransient: true })
    }
  }

  /** No fault of user code: it is not asked. */
  failDecided(index, record, error, mayRetry) {
    this.failures.set(index, { error, record, attempt: 1, isDecided: true, mayRetry })
  }

  /** The running call has used up its time. */
  timeOut(reason) {
    if (!this.isAsking && this.#context !== undefined) HandlerContext.abort(this.#context, reason)
  }

  /** The running call did not end although it was asked to: what it was given has failed. */
  abandon(error) {
    this.abandoned = true
    this.onAbandon?.()
    this.failed(this.#inHand, error)
  }

  /** Nothing runs any more: records are not held longer than they are needed. */
  settle() {
    this.isReported = true
    this.#context = undefined
    this.#inHand = []
  }
}

module.exports = { Delivery }
