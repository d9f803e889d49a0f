'use strict'

const { EventEmitter } = require('node:events')
const { facadeError } = require('./errors.js')

/**
 * Listeners of a consumer or a broker. An emitter beside the instance, not a base class: subclasses may have any
 * members. A listener that throws is logged and hinders nobody; 'error' without a listener is no event.
 */
class EventListeners {
  #emitter = new EventEmitter()

  /** `changed()` is called whenever there may be more or fewer listeners. */
  constructor(names, log, changed) {
    this.names = names
    this.log = log
    this.changed = changed
  }

  add(name, listener, once) {
    this.#check(name, listener)
    if (once) this.#emitter.once(name, listener)
    else this.#emitter.on(name, listener)
    this.changed()
  }

  remove(name, listener) {
    this.#check(name, listener)
    this.#emitter.off(name, listener)
    this.changed()
  }

  get isEmpty() {
    return this.#emitter.eventNames().length === 0
  }

  emit(name, event) {
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        listener(event)
      } catch (error) {
        this.log.error(`A listener of "${name}" failed`, error)
      }
    }
    this.changed()
  }

  #check(name, listener) {
    if (!this.names.includes(name)) {
      const names = this.names.map((known) => `'${known}'`).join(', ')
      throw facadeError('ERR_CSB_INVALID_CONFIG', `There is no event '${String(name)}': listen to one of ${names}`)
    }
    if (typeof listener !== 'function') {
      throw facadeError(
        'ERR_CSB_INVALID_CONFIG',
        `The listener of '${name}' must be a function, got ${typeof listener}`,
      )
    }
  }
}

/** Gives a prototype the methods on, once, off; `listenersOf` finds an instance's listeners. */
function defineListenerMethods(prototype, listenersOf) {
  const methods = {
    on(name, listener) {
      listenersOf(this).add(name, listener, false)
      return this
    },
    once(name, listener) {
      listenersOf(this).add(name, listener, true)
      return this
    },
    off(name, listener) {
      listenersOf(this).remove(name, listener)
      return this
    },
  }
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
  }
}

module.exports = { defineListenerMethods, EventListeners }
