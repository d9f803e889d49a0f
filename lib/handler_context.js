'use strict'

/**
 * What a handler gets besides its record. The signal is made when it is first looked at: most handlers never do, and an
 * AbortController for each message would cost more than the rest of the delivery.
 */
class HandlerContext {
  #controller
  #reason

  /** @param {number} attempt from 1 @param {boolean} possibleDuplicate */
  constructor(attempt, possibleDuplicate) {
    this.attempt = attempt
    this.possibleDuplicate = possibleDuplicate
  }

  get signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Aborts the signal, or has it aborted once somebody looks at it. For the deliveries only. */
  static abort(context, reason) {
    if (context.#reason !== undefined) return
    context.#reason = reason
    if (context.#controller !== undefined) context.#controller.abort(reason)
  }
}

/** The same for a batch; `attempts` and `possibleDuplicates` stand beside its records, one for each. */
class BatchContext extends HandlerContext {
  /** @param {Array<{ attempt: number, possibleDuplicate: boolean }>} entries */
  constructor(entries) {
    super(1, false)
    this.describe(entries)
  }

  /** Says what is to be known of these records. */
  describe(entries) {
    this.attempts = entries.map(({ attempt }) => attempt)
    this.possibleDuplicates = entries.map(({ possibleDuplicate }) => possibleDuplicate)
    this.attempt = Math.max(1, ...this.attempts)
    this.possibleDuplicate = this.possibleDuplicates.includes(true)
  }
}

module.exports = { BatchContext, HandlerContext }
