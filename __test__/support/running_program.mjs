import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { inTime } from './eventually.mjs'

const PRINT_DEADLINE_MS = 60_000
const END_DEADLINE_MS = 30_000
const LINES_OF_LOG = 40

/** A Node program that is waited for by what it prints, and stopped by a signal. */
export class RunningProgram {
  #child
  #ended
  #lines = []
  #printing = new EventEmitter()

  /**
   * @param {string[]} args of `node`
   * @param {string} cwd
   * @param {Record<string, string>} env added to the environment, from which the broker's own variables are taken out
   */
  constructor(args, cwd, env = {}) {
    const { MONGODB_BROKER_URI, MONGODB_BROKER_DATABASE, ...inherited } = process.env
    this.#child = spawn(process.execPath, args, {
      cwd,
      env: { ...inherited, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }))
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#takeLine(line))
    }
  }

  /** What it said last, for messages of failing tests. */
  get log() {
    return this.#lines.slice(-LINES_OF_LOG).join('\n')
  }

  /** Matches of all lines so far, of standard output and standard error. */
  matches(pattern) {
    return this.#lines.map((line) => pattern.exec(line)).filter(Boolean)
  }

  /** Resolves to the match of the first line with `pattern`; rejects when the program ends without one, or in a minute. */
  async printed(pattern) {
    const unprinted = this.#ended.then(({ code, signal }) => {
      throw new Error(`the program ended (${code ?? signal})`)
    })
    try {
      return await inTime(Promise.race([this.#line(pattern), unprinted]), PRINT_DEADLINE_MS, `printing ${pattern}`)
    } catch (error) {
      throw new Error(`${error.message}:\n${this.log}`, { cause: error })
    }
  }

  /** Resolves to {code, signal} when it ends by itself; one that does not is killed and rejects. */
  async end() {
    return await this.#untilEnd('its start')
  }

  /** Sends `signal` and resolves to {code, signal} of the end; a program that does not end is killed and rejects. */
  async stop(signal) {
    this.#child.kill(signal)
    return await this.#untilEnd(signal)
  }

  async #untilEnd(event) {
    let overdue = false
    const timer = setTimeout(() => {
      overdue = true
      this.#child.kill('SIGKILL')
    }, END_DEADLINE_MS)
    const end = await this.#ended
    clearTimeout(timer)
    if (overdue) throw new Error(`the program was still alive ${END_DEADLINE_MS / 1000} s after ${event}:\n${this.log}`)
    return end
  }

  async #line(pattern) {
    for (;;) {
      const [match] = this.matches(pattern)
      if (match) return match
      await once(this.#printing, 'line')
    }
  }

  #takeLine(line) {
    this.#lines.push(line)
    this.#printing.emit('line')
  }
}
