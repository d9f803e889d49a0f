'use strict'

const { facadeError } = require('./errors.js')
const { nativeCallSync } = require('./native_call.js')
const { PrivateBroker } = require('./broker_connection.js')

/** What OffsetStorage and TopicManager stand on: a connection of their own, and the part of it that they use. */
class Administration {
  #name
  #connection
  #partOf
  #part = null

  /**
   * @param {string} name of the class, for errors
   * @param {{ mongoUri: string, database: string }} where
   * @param {(broker: object) => object} partOf gives the part of the native broker
   */
  constructor(name, { mongoUri, database }, partOf) {
    this.#name = name
    this.#connection = new PrivateBroker(mongoUri, database)
    this.#partOf = partOf
  }

  get isConnected() {
    return this.#part !== null
  }

  /** The native part; throws ERR_CSB_NOT_CONNECTED unless `connect()` has succeeded. */
  connected() {
    if (this.#part !== null) return this.#part
    throw facadeError('ERR_CSB_NOT_CONNECTED', `${this.#name} not connected. Call connect() first.`)
  }

  async connect() {
    const broker = await this.#connection.open()
    this.#part = nativeCallSync(() => this.#partOf(broker))
  }

  async disconnect() {
    await this.#connection.opening?.catch(() => {}) // whoever connects hears of it
    this.#part = null
    await this.#connection.close()
  }
}

module.exports = { Administration }
