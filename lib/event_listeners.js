'use strict'

const { EventEmitter } = require('node:events')
const { facadeError } = require('./errors.js')

/**
 * Listeners of a consumer or a broker. An emitter beside the instance, not a base class: subclasses may have any
 * members. A listener that fails is logged and hinders nobody; 'error' without a listener is no event.
 */
class EventListeners {
  #emitter = new EventEmitter()
  #names

  /** `changed()` is called whenever there may be more or fewer names that somebody listens to. */
  constructor(names, log, changed) {
    this.#names = names
    this.log = log
    this.#emitter.on('removeListener', changed)
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
  }

  has(name) {
    return this.#emitter.listenerCount(name) > 0
  }

  emit(name, event) {
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        const outcome = listener(event)
        if (typeof outcome?.then === 'function') outcome.then(undefined, (error) => this.#failed(name, error))
      } catch (error) {
        this.#failed(name, error)
      }
    }
  }

  #failed(name, error) {
    this.log.error(`A listener of '${name}' failed`, error)
  }

  #check(name, listener) {
    if (!this.#names.includes(name)) {
      const names = this.#names.map((known) => `'${known}'`).join(', ')
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

/** Gives a prototype the methods of an emitter that listeners need; `listenersOf` finds an instance's listeners. */
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
  methods.addListener = methods.on
  methods.removeListener = methods.off
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
  }
}

module.exports = { defineListenerMethods, EventListeners }
