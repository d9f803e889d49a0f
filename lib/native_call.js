'use strict'

const { errorFromNative } = require('./errors.js')

/** The error for the caller of `callee`, as which a failure of the addon reaches him. */
function publicError(nativeError, callee) {
  const error = errorFromNative(nativeError)
  // Drops our own frames; those of the caller's awaits stay.
  Error.captureStackTrace(error, callee)
  return error
}

/** Awaits a call of the addon; a failure becomes a ChangeStreamBrokerError whose stack leads to the caller. */
async function nativeCall(call) {
  try {
    return await call()
  } catch (error) {
    throw publicError(error, nativeCall)
  }
}

/** The same for a call that returns at once. */
function nativeCallSync(call) {
  try {
    return call()
  } catch (error) {
    throw publicError(error, nativeCallSync)
  }
}

module.exports = { nativeCall, nativeCallSync, publicError }
