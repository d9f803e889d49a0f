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
  const bytes = encodeConfig(config, 'MessageHandlerConfig', ['handler', 'errorHandler'])
  const { handler, errorHandler } = config
  if (typeof handler !== 'function') {
    throw facadeError('ERR_CSB_INVALID_CONFIG', `handler must be a function, got ${typeof handler}`)
  }
  if (errorHandler !== undefined && errorHandler !== null && typeof errorHandler !== 'function') {
    throw facadeError('ERR_CSB_INVALID_CONFIG', `errorHandler must be a function, got ${typeof errorHandler}`)
  }
  const handlers = {
    handler: handler.bind(config),
    errorHandler: errorHandler ? errorHandler.bind(config) : undefined,
  }
  return { bytes, handlers }
}

module.exports = { readHandlerConfig }
