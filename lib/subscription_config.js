'use strict'

const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')
const { checkClient } = require('./user_session.js')

const FUNCTIONS = ['handler', 'batchHandler', 'errorHandler', 'retryIf', 'onAssigned', 'onRevoked']

/**
 * Splits what `subscribe()` takes into the functions and the client, which stay here, and the fields for the core.
 * The functions are called on the configuration object, as 1.4.2 did.
 */
function readHandlerConfig(config) {
  if (config === undefined || config === null) {
    throw facadeError('ERR_CSB_INVALID_CONFIG', 'MessageHandlerConfig is required to subscribe.')
  }
  const { handler, batchHandler, errorHandler, retryIf, handlerTimeoutMs, onAssigned, onRevoked } = config
  checkFunctions(config)
  const fields = { ...config, awaitsAssigned: isGiven(onAssigned), awaitsRevoked: isGiven(onRevoked) }
  // `batch` is how the core knows that the handler takes batches.
  if (batchHandler) fields.batch = config.batch ?? {}
  const client = clientOf(config.transactional)
  if (client !== undefined) fields.transactional = true
  const bound = (given) => (given ? given.bind(config) : undefined)
  const handlers = {
    handler: bound(handler),
    batchHandler: bound(batchHandler),
    errorHandler: bound(errorHandler),
    retryIf: bound(retryIf),
    onAssigned: bound(onAssigned),
    onRevoked: bound(onRevoked),
    handlerTimeoutMs: handlerTimeoutMs ?? undefined, // for the text of errors
  }
  return { fields, handlers, client }
}

/** What `subscribe()` hands over to the core. */
function encodeHandlerConfig(fields) {
  return encodeConfig(fields, 'MessageHandlerConfig', FUNCTIONS)
}

/** The client of a transactional handler. */
function clientOf(transactional) {
  if (!isGiven(transactional)) return undefined
  if (typeof transactional !== 'object') {
    throw invalid(`transactional must be an object with a client, got ${typeof transactional}`)
  }
  checkClient(transactional.client)
  return transactional.client
}

function checkFunctions(config) {
  const { handler, batchHandler, batch } = config
  if (!isGiven(batchHandler)) {
    const instead = isGiven(handler) ? '' : '; or give a batchHandler'
    mustBeFunction('handler', handler, instead)
    if (isGiven(batch)) throw invalid('batch is for batchHandler: give that in place of handler')
  } else if (isGiven(handler)) {
    throw invalid('handler and batchHandler exclude each other: give one of them')
  }
  for (const name of FUNCTIONS.slice(1)) {
    if (isGiven(config[name])) mustBeFunction(name, config[name])
  }
}

function isGiven(value) {
  return value !== undefined && value !== null
}

function mustBeFunction(name, value, more = '') {
  if (typeof value !== 'function') throw invalid(`${name} must be a function, got ${typeof value}${more}`)
}

function invalid(message) {
  return facadeError('ERR_CSB_INVALID_CONFIG', message)
}

module.exports = { encodeHandlerConfig, readHandlerConfig }
