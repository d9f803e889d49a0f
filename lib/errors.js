'use strict'

// Found through the global registry, so that two copies of this package recognise each other's errors.
const brand = Symbol.for('@dafaz/change-stream-broker/ChangeStreamBrokerError')

// The codes that lib/ raises by itself. All others arrive from the core, which sends these fields along.
const facadeCodes = {
  ERR_CSB_INVALID_CONFIG: { kind: 'invalid', effect: 'none' },
  ERR_CSB_INVALID_MESSAGE: { kind: 'invalid', effect: 'none' },
  ERR_CSB_MESSAGE_TOO_LARGE: { kind: 'invalid', effect: 'none' },
  ERR_CSB_BAD_SESSION: { kind: 'invalid', effect: 'none' },
  ERR_CSB_ADDON_NOT_LOADED: { kind: 'invalid', effect: 'none' },
  ERR_CSB_NOT_CONNECTED: { kind: 'closed', effect: 'none' },
  ERR_CSB_UNAVAILABLE: { kind: 'unavailable', retryable: true, effect: 'none' },
  ERR_CSB_ALREADY_SUBSCRIBED: { kind: 'closed', effect: 'none' },
  ERR_CSB_LEASE_LOST: { kind: 'conflict', effect: 'none' },
  ERR_CSB_HANDLER_FAILED: { kind: 'handler', effect: 'possible' },
  ERR_CSB_HANDLER_TIMEOUT: { kind: 'handler', effect: 'possible' },
  ERR_CSB_INTERNAL: { kind: 'internal', effect: 'possible' },
}

const optionalFields = ['status', 'statuses', 'topic', 'partition', 'groupId']

/**
 * The error of every failing call. `code` is stable and meant to be compared, `kind` says what the caller should
 * do, `retryable` whether the same call may succeed later, and `effect` whether it may have changed something:
 * `'none'` promises that a retry cannot duplicate. `status`, `statuses`, `topic`, `partition`, `groupId` and `cause` are own
 * properties only where they are known.
 */
class ChangeStreamBrokerError extends Error {
  /** @param {object} fields the properties named above; `code`, `kind` and `effect` are required */
  constructor(message, fields) {
    super(message)
    this.code = fields.code
    this.kind = fields.kind
    this.retryable = fields.retryable === true
    this.effect = fields.effect
    for (const field of optionalFields) {
      if (fields[field] !== undefined && fields[field] !== null) this[field] = fields[field]
    }
    if (fields.cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: fields.cause, writable: true, configurable: true })
    }
  }
}

Object.defineProperty(ChangeStreamBrokerError.prototype, 'name', {
  value: 'ChangeStreamBrokerError',
  writable: true,
  configurable: true,
})
Object.defineProperty(ChangeStreamBrokerError.prototype, brand, { value: true })
Object.defineProperty(ChangeStreamBrokerError, Symbol.hasInstance, {
  value: function hasInstance(value) {
    // A subclass inherits this method but not the brand: there the usual rule holds.
    if (this !== ChangeStreamBrokerError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && value[brand] === true
  },
})

/** An error that lib/ raises by itself; `more` may hold `cause`, `status`, `topic`, `partition`, `groupId`. */
function facadeError(code, message, more) {
  const error = new ChangeStreamBrokerError(message, { code, retryable: false, ...facadeCodes[code], ...more })
  Error.captureStackTrace(error, facadeError)
  return error
}

/** The public error for what the addon threw, or for the error fields that it delivered. */
function errorFromNative(native) {
  if (native instanceof ChangeStreamBrokerError) return native
  const code = native === null || native === undefined ? undefined : native.code
  if (typeof code !== 'string' || !code.startsWith('ERR_CSB_')) {
    const text = native instanceof Error ? native.message : String(native)
    return facadeError('ERR_CSB_INTERNAL', `The native addon failed unexpectedly: ${text}`, { cause: native })
  }
  const { kind, retryable, effect, status, statuses, topic, partition, groupId, causeText } = native
  const fields = { code, kind, retryable, effect, status, statuses, topic, partition, groupId }
  if (typeof causeText === 'string' && causeText !== '') fields.cause = new Error(causeText)
  return new ChangeStreamBrokerError(native.message, fields)
}

module.exports = { ChangeStreamBrokerError, errorFromNative, facadeError }
