'use strict'

const { CONSUMER_EVENTS } = require('./consumer_events.js')
const { EventListeners } = require('./event_listeners.js')

/** The events of a broker: its own, and those of the consumers that it made. */
class BrokerEvents {
  constructor(log) {
    /** @type {Set<import('./consumer_events.js').ConsumerEvents>} */
    this.consumers = new Set()
    this.listeners = new EventListeners(['connected', 'disconnected', ...CONSUMER_EVENTS], log, () => {
      for (const consumer of this.consumers) consumer.refresh()
    })
  }
}

module.exports = { BrokerEvents }
