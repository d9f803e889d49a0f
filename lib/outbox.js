'use strict'

const { appendDocument } = require('./bson_codec.js')
const { encodeMessages, entryOf } = require('./encode_messages.js')
const { facadeError } = require('./errors.js')

const ARENA_BYTES = 64 * 1024

/** What encodes has one buffer, and values may have user code: `toBSON`, getters. */
let isEncoding = false

function sentWhileEncoding() {
  return facadeError(
    'ERR_CSB_INVALID_MESSAGE',
    'send was called by a toBSON or a getter of a value that is being sent: send it before or afterwards',
    { status: 'notWritten' },
  )
}

/**
 * Sends of one producer on their way to the core. Each is encoded when it is called, so that a value that changes
 * afterwards is sent as it was; all that are called before the event loop goes on cross together, in order.
 */
class Outbox {
  #native
  #connection
  #hashesValue
  /** Small messages, one behind the other. Free again when they have crossed. */
  #arena
  #arenaStart = 0
  #arenaEnd = 0
  #parts = []
  /** `{ resolve, reject }` of the sends in `#arena` and `#parts`. */
  #waiting = []
  #crossed = new Set()

  /**
   * @param {{ isConnected(): boolean, send(parts: Buffer[]): Array<{ sends: number[] | null, settled: Promise<object[] | null> }> }} native
   * @param {{ unsent: Outbox | null, behind: Set<Promise<void>> }} connection what all producers of a broker share
   * @param {boolean} hashesValue see encodeMessages
   */
  constructor(native, connection, hashesValue) {
    this.#native = native
    this.#connection = connection
    this.#hashesValue = hashesValue
  }

  /** Whether it takes sends. The addon is asked once for all of one tick. */
  isOpen() {
    return this.#waiting.length > 0 || this.#native.isConnected()
  }

  /** Resolves when all are stored; rejects with what the addon says. Throws at once what cannot be encoded. */
  add(messages) {
    if (isEncoding) throw sentWhileEncoding()
    isEncoding = true
    try {
      if (!Array.isArray(messages) && this.#append(messages)) return this.#wait()
      const parts = encodeMessages(messages, this.#hashesValue)
      if (parts.length === 0) return Promise.resolve()
      this.#closeRun()
      this.#parts.push(...parts)
      return this.#wait()
    } finally {
      isEncoding = false
    }
  }

  /** `false` if it is too large for the arena, or has values that take more than one look. */
  #append(message) {
    const document = { m: [entryOf(message, 0, this.#hashesValue)] }
    if (this.#arena === undefined) this.#arena = Buffer.allocUnsafe(ARENA_BYTES)
    let end = appendDocument(document, this.#arena, this.#arenaEnd)
    if (end === undefined && this.#arenaEnd > 0) {
      this.#closeRun()
      this.#arena = Buffer.allocUnsafe(ARENA_BYTES)
      this.#arenaStart = 0
      this.#arenaEnd = 0
      end = appendDocument(document, this.#arena, 0)
    }
    if (end === undefined) return false
    this.#arenaEnd = end
    return true
  }

  /** What stands in the arena becomes a part. */
  #closeRun() {
    if (this.#arenaEnd > this.#arenaStart) this.#parts.push(this.#arena.subarray(this.#arenaStart, this.#arenaEnd))
    this.#arenaStart = this.#arenaEnd
  }

  #wait() {
    const sent = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    if (this.#connection.unsent !== this) {
      // Of another producer, perhaps of the same topic: what was called first crosses first.
      this.#connection.unsent?.flush()
      this.#connection.unsent = this
      process.nextTick(() => this.flush())
    }
    return sent
  }

  /** Hands over what waits, now. */
  flush() {
    if (this.#connection.unsent === this) this.#connection.unsent = null
    if (this.#waiting.length === 0) return
    this.#closeRun()
    const [parts, waiting] = [this.#parts, this.#waiting]
    this.#parts = []
    this.#waiting = []
    this.#arenaStart = 0
    this.#arenaEnd = 0
    try {
      for (const { sends, settled } of this.#native.send(parts)) this.#settle(waiting, sends, settled)
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  #settle(waiting, sends, settled) {
    const those = sends === null ? waiting : sends.map((send) => waiting[send])
    const done = settled.then(
      (failed) => {
        if (failed !== null) for (const { send, error } of failed) waiting[send].reject(error)
        for (const { resolve } of those) resolve()
      },
      (error) => {
        for (const { reject } of those) reject(error)
      },
    )
    this.#crossed.add(done)
    done.then(() => this.#crossed.delete(done))
  }

  /** Does `send` when every send that has been called is settled. It is itself one of those that are waited for. */
  addBehind(send) {
    this.flush()
    const sent = Promise.all(this.#crossed).then(send)
    const done = sent.then(
      () => {},
      () => {}, // whoever sends hears of it
    )
    for (const waiting of [this.#crossed, this.#connection.behind]) {
      waiting.add(done)
      done.then(() => waiting.delete(done))
    }
    return sent
  }

  /** Resolves when every send that has been called is settled. */
  async settled() {
    this.flush()
    while (this.#crossed.size > 0) await Promise.all(this.#crossed)
  }
}

module.exports = { Outbox }
