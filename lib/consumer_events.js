'use strict'

const { decode } = require('./bson_codec.js')
const { EventListeners } = require('./event_listeners.js')

const CONSUMER_EVENTS = [
  'assigned',
  'revoked',
  'committed',
  'retried',
  'deadLettered',
  'recovered',
  'expired',
  'stalled',
  'error',
]

/**
 * The events of one consumer. The core is asked for them only while somebody listens, here or at the broker: what
 * nobody hears must not cross.
 */
class ConsumerEvents {
  #native = null
  #listening = false

  /** @param {import('./broker_events.js').BrokerEvents} [broker] hears them too */
  constructor({ topic, groupId, log, broker }) {
    this.context = { topic, groupId }
    this.broker = broker
    this.listeners = new EventListeners(CONSUMER_EVENTS, log, () => this.refresh())
    this.receive = this.receive.bind(this)
  }

  /** The native consumer is there. */
  attach(native) {
    this.#native = native
    this.#listening = false
    if (this.broker !== undefined) this.broker.consumers.add(this)
    this.refresh()
  }

  /** It is gone; what it has still to say is heard. */
  detach() {
    if (this.broker !== undefined) this.broker.consumers.delete(this)
  }

  refresh() {
    if (this.#native === null) return
    const wanted = !this.listeners.isEmpty || (this.broker !== undefined && !this.broker.listeners.isEmpty)
    if (wanted === this.#listening) return
    this.#listening = wanted
    this.#native.listen(wanted ? this.receive : null)
  }

  /** From the core. Errors come another way, as the objects that the errorHandler gets. */
  receive(name, details) {
    if (name !== 'error') this.emit(name, decode(details))
  }

  emit(name, details) {
    const event = { ...this.context, ...details }
    this.listeners.emit(name, event)
    if (this.broker !== undefined) this.broker.listeners.emit(name, event)
  }
}

module.exports = { CONSUMER_EVENTS, ConsumerEvents }
