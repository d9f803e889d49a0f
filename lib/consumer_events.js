'use strict'

const { decode } = require('./bson_codec.js')
const { EventListeners } = require('./event_listeners.js')

/** Those that the core emits. */
const NATIVE_EVENTS = [
  'assigned',
  'revoked',
  'committed',
  'completed',
  'retried',
  'deadLettered',
  'recovered',
  'expired',
  'stalled',
  'unfencedWriter',
]
/** Errors come another way, as the objects that the errorHandler gets. */
const CONSUMER_EVENTS = [...NATIVE_EVENTS, 'error']

/**
 * The events of one consumer. The core is asked for those that somebody listens to, here or at the broker: what nobody
 * hears must not cross.
 */
class ConsumerEvents {
  #context
  #broker
  #native = null
  /** What the core has been asked for. */
  #wanted = ''

  /** @param {import('./broker_events.js').BrokerEvents} [broker] hears them too */
  constructor({ topic, log, broker }) {
    this.#context = { topic }
    this.#broker = broker
    this.listeners = new EventListeners(CONSUMER_EVENTS, log, () => this.refresh())
    this.receive = this.receive.bind(this)
  }

  /** The native consumer is there. */
  attach(native) {
    this.#native = native
    this.#context.groupId = native.groupId()
    this.#wanted = ''
    if (this.#broker !== undefined) this.#broker.consumers.add(this)
    this.refresh()
  }

  /**
   * The native consumer has nothing more to say. Without this it and its listener would hold each other for ever: the
   * collector of JavaScript does not see through the core.
   */
  detach(native = this.#native) {
    if (native === null) return
    native.listen(null, [])
    if (native !== this.#native) return // connected again meanwhile
    this.#native = null
    if (this.#broker !== undefined) this.#broker.consumers.delete(this)
  }

  refresh() {
    if (this.#native === null) return
    const names = NATIVE_EVENTS.filter((name) => this.listeners.has(name) || this.#broker?.listeners.has(name))
    const wanted = names.join()
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    this.#native.listen(names.length === 0 ? null : this.receive, names)
  }

  /** From the core. */
  receive(name, details) {
    this.emit(name, decode(details))
  }

  emit(name, details) {
    const event = { ...this.#context, ...details }
    this.listeners.emit(name, event)
    if (this.#broker !== undefined) this.#broker.listeners.emit(name, event)
  }
}

module.exports = { CONSUMER_EVENTS, ConsumerEvents }
