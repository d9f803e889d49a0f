'use strict'

const { isDate } = require('node:util').types
const { encode } = require('./bson_codec.js')
const { facadeError } = require('./errors.js')

/**
 * BSON of a configuration object for the core, which knows the fields, defaults and limits. Functions and the
 * fields named in `leaveOut` stay here. `what` names the configuration in errors.
 */
function encodeConfig(config, what, leaveOut = []) {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    const got = config === null ? 'null' : Array.isArray(config) ? 'an array' : typeof config
    throw facadeError('ERR_CSB_INVALID_CONFIG', `${what} must be an object, got ${got}`)
  }
  try {
    const fields = { ...config }
    for (const name of leaveOut) delete fields[name]
    refuseInvalidDates(fields, what)
    return encode(fields)
  } catch (cause) {
    if (cause?.code === 'ERR_CSB_INVALID_CONFIG') throw cause
    throw facadeError('ERR_CSB_INVALID_CONFIG', `${what} cannot be encoded: ${cause?.message ?? cause}`, { cause })
  }
}

/** BSON has no such date: it would arrive as 1970. */
function refuseInvalidDates(fields, what) {
  for (const [name, value] of Object.entries(fields)) {
    if (isDate(value) && Number.isNaN(value.getTime())) {
      throw facadeError('ERR_CSB_INVALID_CONFIG', `${what}: ${name} is an Invalid Date, give one that exists`)
    }
  }
}

module.exports = { encodeConfig }
