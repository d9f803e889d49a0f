import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PRELOAD = new URL('without_forced_exit.mjs', import.meta.url).href
const START_DEADLINE_MS = 60_000
const END_DEADLINE_MS = 30_000
const LINES_OF_LOG = 40

/** One of the example services as a process of its own, on a free port. */
export class ServiceProcess {
  #child
  #ended
  #log = []

  /**
   * Resolves when the service says that it listens.
   *
   * @param {string} example folder of the built example
   * @param {string} cwd where the service looks for .env
   * @param {Record<string, string>} env added to the environment, from which the broker's own variables are taken out
   */
  static async start(example, cwd, env) {
    const service = new ServiceProcess(example, cwd, env)
    try {
      service.url = await service.#untilListening()
    } catch (error) {
      await service.stop('SIGKILL')
      throw error
    }
    return service
  }

  constructor(example, cwd, env) {
    const { MONGODB_BROKER_URI, MONGODB_BROKER_DATABASE, ...inherited } = process.env
    this.#child = spawn(process.execPath, ['--import', PRELOAD, join(example, 'dist/main.js')], {
      cwd,
      env: { ...inherited, PORT: '0', NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#log.push(line))
    }
  }

  /** What the service said last, for messages of failing tests. */
  get log() {
    return this.#log.slice(-LINES_OF_LOG).join('\n')
  }

  /** Sends `signal` and resolves to {code, signal} of the end; a service that does not end is killed and rejects. */
  async stop(signal) {
    this.#child.kill(signal)
    let overdue = false
    const timer = setTimeout(() => {
      overdue = true
      this.#child.kill('SIGKILL')
    }, END_DEADLINE_MS)
    const [code, endSignal] = await this.#ended
    clearTimeout(timer)
    if (overdue)
      throw new Error(`the service was still alive ${END_DEADLINE_MS / 1000} s after ${signal}:\n${this.log}`)
    return { code, signal: endSignal }
  }

  async #untilListening() {
    const lines = createInterface({ input: this.#child.stdout })
    const deadline = AbortSignal.timeout(START_DEADLINE_MS)
    const listening = new Promise((resolve) => {
      lines.on('line', (line) => {
        const url = / listens on (http\S+)$/.exec(line)?.[1]
        if (url) resolve(url)
      })
    })
    const failed = Promise.race([
      this.#ended.then(([code, signal]) => `ended (${code ?? signal})`),
      once(deadline, 'abort').then(() => `did not listen after ${START_DEADLINE_MS / 1000} s`),
    ]).then((reason) => {
      throw new Error(`the service ${reason}:\n${this.log}`)
    })
    return await Promise.race([listening, failed])
  }
}
