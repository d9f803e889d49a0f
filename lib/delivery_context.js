'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')

// A handler may close its own consumer or broker. Waiting there for the handlers in flight would be waiting for
// itself, so every delivery runs in a context by which such a call is recognised, however deep it is.
const current = new AsyncLocalStorage()

/**
 * Runs user code of one delivery. `owners` are the native consumer and the native broker that wait for it.
 * The context ends with `run`: what a handler left running (a timer, say) is no longer inside.
 */
async function runInDelivery(owners, run) {
  const delivery = { owners, running: true }
  try {
    return await current.run(delivery, run)
  } finally {
    delivery.running = false
  }
}

/** Whether the caller runs inside a handler that `owner` would wait for. */
function isInDeliveryOf(owner) {
  const delivery = current.getStore()
  return delivery?.running === true && delivery.owners.includes(owner)
}

module.exports = { isInDeliveryOf, runInDelivery }
