'use strict'

/** Why a call of a transactional handler does not count: nothing of it is stored. */
class Interruption extends Error {
  /** @param {boolean} isLost another member has the partition, or the delivery has ended otherwise */
  constructor(cause, isLost) {
    super(cause.message)
    this.cause = cause
    this.isLost = isLost
  }
}

module.exports = { Interruption }
