'use strict'

const { encodeConfig } = require('./encode_config.js')
const { facadeError } = require('./errors.js')

/**
 * Splits what `subscribe()` takes into the functions, which stay here, and the bytes of the rest for the core.
 * The functions are called on the configuration object, as 1.4.2 did.
 */
function readHandlerConfig(config) {
  if (config === undefined || config === null) {
    throw facadeError('ERR_CSB_INVALID_CONFIG', 'MessageHandlerConfig is required to subscribe.')
  }
  const { handler, batchHandler, errorHandler, retryIf } = config
  if (batchHandler === undefined || batchHandler === null) mustBeFunction('handler', handler)
  else if (handler !== undefined && handler !== null) {
    throw facadeError('ERR_CSB_INVALID_CONFIG', 'handler and batchHandler exclude each other: give one of them')
  }
  optionalFunction('batchHandler', batchHandler)
  optionalFunction('errorHandler', errorHandler)
  optionalFunction('retryIf', retryIf)
  if (!batchHandler && config.batch !== undefined && config.batch !== null) {
    throw facadeError('ERR_CSB_INVALID_CONFIG', 'batch is for batchHandler: give that in place of handler')
  }
  // `batch` is how the core knows that the handler takes batches.
  const fields = batchHandler ? { ...config, batch: config.batch ?? {} } : config
  const bytes = encodeConfig(fields, 'MessageHandlerConfig', ['handler', 'batchHandler', 'errorHandler', 'retryIf'])
  const bound = (given) => (given ? given.bind(config) : undefined)
  const handlers = {
    handler: bound(handler),
    batchHandler: bound(batchHandler),
    errorHandler: bound(errorHandler),
    retryIf: bound(retryIf),
  }
  return { bytes, handlers }
}

function mustBeFunction(name, value) {
  if (typeof value !== 'function') {
    throw facadeError('ERR_CSB_INVALID_CONFIG', `${name} must be a function, got ${typeof value}`)
  }
}

function optionalFunction(name, value) {
  if (value !== undefined && value !== null) mustBeFunction(name, value)
}

module.exports = { readHandlerConfig }
