'use strict'

const { decode, decodeAround } = require('./bson_codec.js')
const { toMessage } = require('./decode_record.js')
const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { nativeCall } = require('./native_call.js')

/** A record without a field: the letter does not enclose its message, or the core cannot read it. */
const EMPTY_DOCUMENT_BYTES = 5

const connections = new WeakMap()

/** A message id stands for the letters of that message. */
function asRequest(which) {
  return typeof which === 'string' ? { messageId: which } : which
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Of any realm. Others may have their fields elsewhere, as a Map has: no condition would be seen, which means every letter. */
function isPlain(value) {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** BSON has no `undefined` and drops functions; a condition that is dropped would select every letter. */
function encodeRequest(request, what, options) {
  if (!isObject(request)) return encodeConfig(request, what)
  if (!isPlain(request)) throw facadeError('ERR_CSB_INVALID_CONFIG', `${what} must be a plain object, not an instance`)
  const isEncodable = (value) => value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
  const fields = Object.entries({ ...request, ...options })
  return encodeConfig(
    Object.fromEntries(fields.map(([name, value]) => [name, isEncodable(value) ? value : null])),
    what,
  )
}

/** The message of a letter; null if there is none, or if JavaScript cannot read it, which the errors tell of. */
function readMessage(bytes) {
  if (bytes.length === EMPTY_DOCUMENT_BYTES) return null
  try {
    return toMessage(decode(bytes))
  } catch {
    return null
  }
}

/**
 * The dead letters of a group. `open` gives the native object, or throws while the broker or consumer that this
 * belongs to is not connected.
 */
class DeadLetters {
  constructor(open) {
    connections.set(this, open)
  }

  /** A page of letters; `after` of a page asks for the next one, and is null on the last. */
  async list(query = {}) {
    const native = connections.get(this)()
    const bytes = encodeRequest(query, 'query of dead letters')
    const page = decodeAround(await nativeCall(() => native.list(bytes)), 'records')
    const letters = page.letters.map((fields, index) => ({ ...fields, message: readMessage(page.records[index]) }))
    return { letters, after: page.after }
  }

  /** Every letter, page by page. */
  async *iterate(query = {}) {
    let after = query.after
    do {
      const page = await this.list({ ...query, after })
      yield* page.letters
      after = page.after
    } while (after !== null)
  }

  async count(filter = {}) {
    const native = connections.get(this)()
    const bytes = encodeRequest(filter, 'filter of dead letters')
    return nativeCall(() => native.count(bytes))
  }

  /** Has letters delivered again, to this group only. Resolves to how many were marked for it. */
  async redrive(...given) {
    const [which, options] = given.length === 0 ? [{}] : given
    const native = connections.get(this)()
    const bytes = encodeRequest(asRequest(which), 'redrive of dead letters', options)
    return nativeCall(() => native.redrive(bytes))
  }

  /** Stops redrives that have not begun. Resolves to how many. */
  async cancelRedrive(...given) {
    const [which] = given.length === 0 ? [{}] : given
    const native = connections.get(this)()
    const bytes = encodeRequest(asRequest(which), 'filter of dead letters')
    return nativeCall(() => native.cancelRedrive(bytes))
  }

  /** Removes letters for good. Resolves to how many. */
  async purge(which = {}) {
    const native = connections.get(this)()
    const bytes = encodeRequest(asRequest(which), 'purge of dead letters')
    return nativeCall(() => native.purge(bytes))
  }
}

module.exports = { DeadLetters }
