'use strict'

try {
  module.exports = require('../../../.csbroker/client/created-by-csbroker-generate.js')
} catch (error) {
  throw isClientMissing(error) ? notGenerated(error) : error
}

// Only the client itself: a module that the client requires and that is missing is reported as it is.
function isClientMissing(error) {
  return (
    error.code === 'MODULE_NOT_FOUND' &&
    error.message.includes("'../../../.csbroker/client/created-by-csbroker-generate.js'")
  )
}

function notGenerated(cause) {
  const error = new Error(
    '@dafaz/change-stream-broker/client has not been generated for this project. Run: npx csbroker generate',
  )
  return Object.assign(error, { code: 'CSBROKER_NO_CLIENT', cause })
}
