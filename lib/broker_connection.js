'use strict'

const { encodeConfig } = require('./encode_config.js')
const { nativeAddon } = require('./native_addon.js')
const { nativeCall, nativeCallSync } = require('./native_call.js')

/**
 * The native broker of a producer, consumer, topic manager or offset storage that was constructed directly, without
 * a ChangeStreamBroker. It is made by `open()` and gone after `close()`, so that an instance can be connected again.
 * `subscriptions` holds the Deliveries of its consumers, `unsent` the Outbox whose sends have not crossed yet, `behind` sends
 * that cross when those before them are settled.
 */
class PrivateBroker {
  constructor(mongoUri, database) {
    this.config = { mongoUri, database, autoCreateTopics: true }
    this.opening = null
    this.unsent = null
    this.behind = new Set()
    this.subscriptions = new Set()
  }

  /** The connected native broker. Calls share one attempt; after a failure the next call tries again. */
  open() {
    if (this.opening === null) {
      this.opening = this.connect().catch((error) => {
        this.opening = null
        throw error
      })
    }
    return this.opening
  }

  async connect() {
    const { NativeBroker } = nativeAddon()
    const native = nativeCallSync(() => new NativeBroker(encodeConfig(this.config, 'broker configuration')))
    await nativeCall(() => native.connect())
    return native
  }

  /** Drains and disconnects; with `wait` false it only begins to. Resolves at once if there is nothing open. */
  async close(wait = true) {
    const opening = this.opening
    this.opening = null
    if (opening === null) return
    const native = await opening.catch(() => undefined) // whoever called open() has got this error
    if (native !== undefined) await nativeCall(() => native.disconnect(wait))
  }
}

/** The same for what a ChangeStreamBroker made: the connection is the broker's to close. */
class SharedBroker {
  /** @param {import('./broker_events.js').BrokerEvents} events */
  constructor(native, events) {
    this.native = native
    this.events = events
    this.unsent = null
    this.behind = new Set()
    this.subscriptions = new Set()
  }

  async open() {
    return this.native
  }

  async close() {}

  /** No subscription calls its handler again; what runs now finishes. */
  endSubscriptions() {
    for (const deliveries of this.subscriptions) deliveries.end()
    this.subscriptions.clear()
  }
}

module.exports = { PrivateBroker, SharedBroker }
