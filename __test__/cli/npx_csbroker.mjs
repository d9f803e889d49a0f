import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { runCommand } from '../../scripts/mongod/run_command.mjs'

const DEADLINE_MS = 60_000

/** Runs `npx csbroker <args>` in this folder to its end and resolves to what it printed. */
export function npxCsbroker(args, cwd) {
  return runCommand('npx', ['csbroker', ...args], { cwd, timeoutMs: DEADLINE_MS })
}

/** `npx csbroker <args>` while it runs. */
export class RunningCsbroker {
  #child
  #ended
  #lines = []
  #read = 0

  constructor(args, cwd) {
    // In a process group of its own, as a shell starts what is run on a terminal.
    this.#child = spawn('npx', ['csbroker', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line)
        this.#child.emit('csbroker-line')
      })
    }
  }

  /** Resolves to the first line that matches and that no call before has come to. */
  async untilLine(pattern) {
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    for (;;) {
      while (this.#read < this.#lines.length) {
        const line = this.#lines[this.#read++]
        if (pattern.test(line)) return line
      }
      try {
        await Promise.race([once(this.#child, 'csbroker-line', { signal: deadline }), this.#failOnEnd()])
      } catch (error) {
        throw new Error(`no line ${pattern}:\n${this.#lines.join('\n')}`, { cause: error })
      }
    }
  }

  /** Does what Ctrl-C does: everything that the command has started gets the signal. Resolves when all of it has ended. */
  async interrupt() {
    process.kill(-this.#child.pid, 'SIGINT')
    const timer = setTimeout(() => this.kill(), DEADLINE_MS)
    await this.#ended
    clearTimeout(timer)
  }

  /** For the end of a test that has failed; nothing happens to what has ended. */
  kill() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) process.kill(-this.#child.pid, 'SIGKILL')
  }

  async #failOnEnd() {
    const [code, signal] = await this.#ended
    throw new Error(`it has ended (${code ?? signal})`)
  }
}
