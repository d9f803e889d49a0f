import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CONSUMER = fileURLToPath(new URL('consumer_process.mjs', import.meta.url))

/** A consumer process, as its parent sees it. */
export class GroupMember {
  #process
  #exit
  #stopping = false

  /** Everything that the process handles goes into `ledger`. */
  constructor(number, setting, ledger) {
    this.number = number
    this.#process = fork(CONSUMER, [JSON.stringify(setting)], { serialization: 'advanced' })
    this.#exit = once(this.#process, 'exit')
    /** Rejects when the process ends without having been told to; never resolves. */
    this.lost = this.#exit.then(([code, signal]) => {
      if (this.#stopping) return new Promise(() => {})
      throw new Error(`consumer process ${number} ended (${signal ?? code})`)
    })
    this.lost.catch(() => {}) // also without a reader
    const ready = new Promise((resolve) => {
      this.#process.on('message', (message) => {
        if (message.report) ledger.noteReceived(message.report)
        else if (message.ready) resolve()
      })
    })
    /** Resolves when it listens. */
    this.ready = Promise.race([ready, this.lost])
  }

  /** Lets it finish, commit and leave the group; resolves when the process has ended by itself. */
  async stop() {
    this.#stopping = true
    this.#process.send('stop')
    const [code, signal] = await this.#exit
    if (code !== 0) throw new Error(`consumer process ${this.number} failed to stop (${signal ?? code})`)
  }

  /** Ends it without asking; does nothing when it has ended. */
  kill() {
    this.#stopping = true
    this.#process.kill('SIGKILL')
  }
}
