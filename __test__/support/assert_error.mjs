import assert from 'node:assert/strict'
import { ChangeStreamBrokerError } from '../../index.js'
import { inTime } from './eventually.mjs'

const kinds = {
  ERR_CSB_INVALID_CONFIG: 'invalid',
  ERR_CSB_INVALID_MESSAGE: 'invalid',
  ERR_CSB_MESSAGE_TOO_LARGE: 'invalid',
  ERR_CSB_TOPIC_NOT_FOUND: 'invalid',
  ERR_CSB_TOPIC_MISMATCH: 'invalid',
  ERR_CSB_PARTITION_NOT_FOUND: 'invalid',
  ERR_CSB_UNAUTHORIZED: 'invalid',
  ERR_CSB_NOT_REPLICA_SET: 'invalid',
  ERR_CSB_BAD_SESSION: 'invalid',
  ERR_CSB_GROUP_ACTIVE: 'conflict',
  ERR_CSB_NOT_CONNECTED: 'closed',
  ERR_CSB_ALREADY_SUBSCRIBED: 'closed',
  ERR_CSB_CLOSED: 'closed',
  ERR_CSB_UNAVAILABLE: 'unavailable',
  ERR_CSB_LEASE_LOST: 'conflict',
  ERR_CSB_HANDLER_FAILED: 'handler',
}

/** Asserts the whole public shape of an error with one of `codes`. */
export function assertTypedError(error, ...codes) {
  assert.ok(error instanceof ChangeStreamBrokerError, `not a ChangeStreamBrokerError: ${error?.stack}`)
  assert.ok(error instanceof Error)
  assert.ok(codes.includes(error.code), `code ${error.code}, expected ${codes.join(' or ')}: ${error.message}`)
  assert.equal(error.kind, kinds[error.code])
  assert.equal(error.retryable, error.kind === 'unavailable')
  assert.match(String(error.effect), /^(none|possible)$/)
  assert.equal(error.name, 'ChangeStreamBrokerError')
  assert.ok(error.message.length > 0)
  assert.doesNotMatch(error.message, /mongodb(\+srv)?:\/\/\w/, 'a URI may hold credentials')
  return error
}

/** Asserts that `promise` rejects with one of `codes` `within` milliseconds; resolves to the error. */
export async function rejectsWith(promise, codes, { within = 30_000 } = {}) {
  const error = await inTime(
    promise.then(
      () => assert.fail(`resolved; expected ${codes}`),
      (reason) => reason,
    ),
    within,
    `rejecting with ${codes}`,
  )
  return assertTypedError(error, ...[codes].flat())
}

/** The same for a call that throws at once. */
export function throwsWith(call, ...codes) {
  let thrown
  assert.throws(call, (error) => {
    thrown = error
    return true
  })
  return assertTypedError(thrown, ...codes)
}
