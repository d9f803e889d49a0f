'use strict'

const { HandlerContext } = require('./handler_context.js')

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
  /** By index in the delivery: `{ error, record, attempt, isDecided, mayRetry }`. */
  failures = new Map()
  /** Of the running call. */
  #context
  /** By index, what the running call was given: one record, or those of a batch. */
  #inHand = []

  constructor(stopping) {
    this.stopping = stopping
  }

  /** A call begins with these: `[index, record, attempt]`. */
  begin(context, inHand) {
    this.#context = context
    this.#inHand = inHand
  }

  /** The user is asked whether it may be tried again. */
  fail(index, record, attempt, error) {
    this.failures.set(index, { error, record, attempt, isDecided: false, mayRetry: true })
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
    for (const [index, record, attempt] of this.#inHand) this.fail(index, record, attempt, error)
  }

  /** Nothing runs any more: records are not held longer than they are needed. */
  settle() {
    this.isReported = true
    this.#context = undefined
    this.#inHand = []
  }
}

module.exports = { Delivery }
