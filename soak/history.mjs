// The history of a soak run: every line of every process, in the order of arrival, in one file; and the few numbers that
// are needed while it runs.
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export class History {
  #file
  #unfinished = new Set()
  #changed = []
  sent = 0
  acknowledged = 0
  unknown = 0
  handled = 0

  constructor(path) {
    this.path = path
    this.#file = createWriteStream(path)
  }

  add(event) {
    this.#file.write(`${JSON.stringify(event)}\n`)
  }

  /** Takes the lines that a process writes. */
  follow(stream) {
    createInterface({ input: stream }).on('line', (line) => {
      this.#file.write(`${line}\n`)
      this.#count(JSON.parse(line))
    })
  }

  #count({ kind, value }) {
    if (kind === 'sendBegun') this.sent += 1
    else if (kind === 'sendUnknown') this.unknown += 1
    else if (kind === 'sendAcknowledged') this.#acknowledge(value)
    else if (kind === 'deliveryFinished') this.#handle(value)
  }

  // A message may be handled before its sender knows that it is stored.
  #acknowledge(value) {
    this.acknowledged += 1
    if (!this.#handledEarly.delete(value)) this.#unfinished.add(value)
  }

  #handledEarly = new Set()

  #handle(value) {
    this.handled += 1
    if (!this.#unfinished.delete(value)) this.#handledEarly.add(value)
    if (this.#unfinished.size === 0) for (const resolve of this.#changed.splice(0)) resolve()
  }

  /** Acknowledged and not yet handled. */
  get unfinished() {
    return this.#unfinished.size
  }

  /** Resolves when every acknowledged message has been handled; rejects after a time without any that was. */
  async untilFinished(patienceMs) {
    while (this.#unfinished.size > 0) {
      const before = this.handled
      let timer
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, patienceMs)
      })
      await Promise.race([new Promise((resolve) => this.#changed.push(resolve)), late])
      clearTimeout(timer)
      if (this.#unfinished.size > 0 && this.handled === before) {
        const [first] = this.#unfinished
        throw new Error(`${this.#unfinished.size} messages not handled after ${patienceMs / 1000} s, such as ${first}`)
      }
    }
  }

  async close() {
    this.#file.end()
    await once(this.#file, 'finish')
  }
}
