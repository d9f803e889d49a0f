// A process of the soak run: started, watched, killed, started again under a new name.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const READY_DEADLINE_MS = 120_000
const CLOSE_DEADLINE_MS = 60_000

export class Member {
  #file
  #setting
  #history
  #child
  #starts = 0

  /** @param {string} file of this folder */
  constructor(file, name, setting, history) {
    this.#file = fileURLToPath(new URL(file, import.meta.url))
    this.name = name
    this.#setting = setting
    this.#history = history
  }

  get pid() {
    return this.#child.pid
  }

  /** Resolves when it takes part. */
  async start() {
    this.#starts += 1
    const name = this.#starts === 1 ? this.name : `${this.name}.${this.#starts}`
    this.#child = fork(this.#file, [JSON.stringify({ ...this.#setting, name })], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    this.incarnation = name
    this.#history.add({ member: name, kind: 'memberStarted' })
    this.#history.follow(this.#child.stdout)
    const ready = once(this.#child, 'message')
    const gone = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`${name} ended with ${signal ?? code} before it was ready`)
    })
    gone.catch(() => {}) // its end is no error once it was ready
    await within(READY_DEADLINE_MS, Promise.race([ready, gone]), `${name} is not ready`)
  }

  /** SIGKILL, and a new one in its place. */
  async replace() {
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await ended
    this.#history.add({ member: this.incarnation, kind: 'memberKilled' })
    await this.start()
  }

  /** SIGSTOP for a while. */
  async freeze(milliseconds) {
    this.#history.add({ member: this.incarnation, kind: 'memberFrozen' })
    this.#child.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    this.#history.add({ member: this.incarnation, kind: 'memberThawed' })
    this.#child.kill('SIGCONT')
  }

  blockEventLoop(milliseconds) {
    this.#child.send({ order: 'block', milliseconds })
  }

  /** Ends in order. */
  async close() {
    const ended = once(this.#child, 'close')
    this.#child.send({ order: 'close' })
    const [code] = await within(CLOSE_DEADLINE_MS, ended, `${this.incarnation} does not end`)
    if (code !== 0) throw new Error(`${this.incarnation} ended with ${code}`)
  }

  kill() {
    this.#child?.kill('SIGKILL')
  }

  /** Resident memory in MB, and open file descriptors. */
  async resources() {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(status)
    const descriptors = await readdir(`/proc/${this.pid}/fd`)
    return { memoryMb: Math.round(kilobytes / 1024), handles: descriptors.length }
  }
}

async function within(milliseconds, promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} after ${milliseconds / 1000} s`)), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
