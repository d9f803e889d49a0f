'use strict'

const { CONSUMER_EVENTS } = require('./consumer_events.js')
const { EventListeners } = require('./event_listeners.js')

/** The events of a broker: its own, and those of the consumers that it made. */
class BrokerEvents {
  #isConnected = false

  constructor(log) {
    /** @type {Set<import('./consumer_events.js').ConsumerEvents>} */
    this.consumers = new Set()
    this.listeners = new EventListeners(['connected', 'disconnected', ...CONSUMER_EVENTS], log, () => {
      for (const consumer of this.consumers) consumer.refresh()
    })
  }

  /** `connect` has succeeded; several calls that shared the work are one event. */
  connected() {
    if (this.#isConnected) return
    this.#isConnected = true
    this.listeners.emit('connected', {})
  }

  /** Everything has drained, and no consumer has anything more to say. */
  disconnected() {
    for (const consumer of this.consumers) consumer.detach()
    if (!this.#isConnected) return
    this.#isConnected = false
    this.listeners.emit('disconnected', {})
  }
}

module.exports = { BrokerEvents }
