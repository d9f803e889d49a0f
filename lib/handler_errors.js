'use strict'

const { isNativeError } = require('node:util').types
const { ChangeStreamBrokerError, facadeError } = require('./errors.js')

const LONGEST_TEXT = 16 * 1024
// The errors of one report have to fit into one BSON document, three texts each of at most three bytes per character.
const ALL_TEXTS = 1_500_000

/** Text of anything; never throws, although getters of user-made errors may. */
function textOf(value) {
  try {
    return String(value())
  } catch {
    return 'unknown'
  }
}

/** The error that errorHandler gets: what was thrown itself if it is an Error, also one of another realm. */
function asError(thrown) {
  if (thrown instanceof Error || isNativeError(thrown)) return thrown
  const text = textOf(() => thrown).slice(0, LONGEST_TEXT)
  return facadeError('ERR_CSB_HANDLER_FAILED', `The handler threw a value that is not an Error: ${text}`, {
    cause: thrown,
  })
}

/**
 * What the core is told of an error, one of `count` in the same report. Errors of this package go by their code, which
 * says more than the name of their class.
 */
function errorFields(error, count = 1) {
  const longest = Math.min(LONGEST_TEXT, Math.floor(ALL_TEXTS / count))
  const text = (value) => textOf(value).slice(0, longest)
  return {
    name: text(() => (error instanceof ChangeStreamBrokerError ? error.code : error.name)),
    message: text(() => error.message),
    stack: text(() => error.stack || ''),
  }
}

module.exports = { asError, errorFields, textOf }
