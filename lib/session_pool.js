'use strict'

// As many as partitions of one process may be in the middle of a transaction at a time, as a rule. The group knows them:
// what a process that was killed has left open can be ended, instead of being waited for, a minute. Further ones are
// not known.
const KNOWN = 16

/** Sessions of one client, each for one transaction at a time. */
class SessionPool {
  #client
  #idle
  #hasEnded = false
  /** Those that are being ended, which takes a moment. */
  #discarded = new WeakSet()
  /** @type {object[]} */
  ids

  constructor(client) {
    this.#client = client
    this.#idle = Array.from({ length: KNOWN }, () => client.startSession())
    this.ids = this.#idle.map((session) => session.id.id)
  }

  take() {
    return this.#idle.pop() ?? this.#client.startSession()
  }

  /** A transaction that is still open is aborted. */
  async giveBack(session) {
    if (session.hasEnded || this.#discarded.has(session)) return
    if (session.inTransaction()) await session.abortTransaction().catch(() => {}) // the server ends it, then
    if (session.hasEnded || this.#discarded.has(session)) return
    if (this.#hasEnded || this.#idle.length >= KNOWN) await session.endSession()
    else this.#idle.push(session)
  }

  /** It is not used any more; the core ends it on the server. Returns its id. */
  disown(session) {
    this.discard(session)
    return Buffer.from(session.id.id.buffer)
  }

  /** Ends it although user code may still use it: what is done in it later would be outside of a transaction. */
  discard(session) {
    this.#discarded.add(session)
    session.endSession().catch(() => {}) // the same holds
  }

  async end() {
    this.#hasEnded = true
    await Promise.all(this.#idle.splice(0).map((session) => session.endSession()))
  }
}

module.exports = { SessionPool }
