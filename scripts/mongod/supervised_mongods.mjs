import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SUPERVISOR = fileURLToPath(new URL('supervisor.mjs', import.meta.url))

/**
 * Runs mongods that do not outlive this process, however it ends. They do not keep it alive either.
 *
 * Emits `exit` (member, reason) whenever a mongod ends, for whatever cause.
 */
export class SupervisedMongods extends EventEmitter {
  #supervisor
  #supervisorExit
  #directory
  #pids = new Map()
  #requests = 0

  /** @param {{directory: string, executable: string, members: string[][]}} setup arguments per member; the directory is removed at the end */
  constructor(setup) {
    super()
    this.#directory = setup.directory
    // A process group of its own: a Ctrl-C in the terminal must not reach the mongods before the user's own clean-up.
    this.#supervisor = spawn(process.execPath, [SUPERVISOR], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    this.#supervisorExit = once(this.#supervisor, 'exit')
    this.#supervisorExit.then(
      () => this.#supervisorEnded(),
      (error) => this.emit('error', error),
    )
    process.on('exit', this.#killAll)
    this.#supervisor.stdin.on('error', () => {}) // it ended; `exit` tells
    createInterface({ input: this.#supervisor.stdout }).on('line', (line) => this.#heard(JSON.parse(line)))
    this.#keepProcessAlive(false)
    this.#say(setup)
  }

  /** @returns {number|undefined} the process id of a member that runs. */
  pid(member) {
    return this.#pids.get(member)
  }

  /** Resolves to the process id; whether the server then comes up is another question. */
  async start(member) {
    const answer = await this.#request({ start: member }, member)
    if (!('started' in answer)) throw new Error(`mongod does not start: ${answer.signal ?? answer.code}`)
    return answer.pid
  }

  /** Ends a member the hard way (SIGKILL); its data stay. Resolves when it is gone. */
  async kill(member) {
    if (this.#pids.has(member)) await this.#request({ kill: member }, member)
  }

  /** Kills all members and removes the directory. May be called twice. */
  async end() {
    this.#keepProcessAlive(true)
    this.#supervisor.stdin.end()
    await this.#supervisorExit
  }

  async #request(request, member) {
    if (this.#supervisorHasEnded()) throw new Error('these mongods have been ended')
    this.#requests++
    this.#keepProcessAlive(true)
    try {
      const answer = once(this, answerOf(member))
      this.#say(request)
      return (await answer)[0]
    } finally {
      if (--this.#requests === 0) this.#keepProcessAlive(false)
    }
  }

  #heard(message) {
    const member = message.started ?? message.exited
    if ('started' in message) this.#pids.set(member, message.pid)
    else this.#pids.delete(member)
    this.emit(answerOf(member), message)
    if ('exited' in message) this.emit('exit', member, message.signal ?? message.code)
  }

  #supervisorEnded() {
    process.off('exit', this.#killAll)
    this.#killAll()
    for (const member of [...this.#pids.keys()]) this.#heard({ exited: member, code: 'its supervisor ended' })
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10 })
  }

  /** Only when somebody killed the supervisor is there anything to kill. */
  #killAll = () => {
    for (const pid of this.#pids.values()) killIfAlive(pid)
  }

  #supervisorHasEnded() {
    return this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null
  }

  #say(message) {
    this.#supervisor.stdin.write(`${JSON.stringify(message)}\n`)
  }

  #keepProcessAlive(yes) {
    for (const handle of [this.#supervisor, this.#supervisor.stdin, this.#supervisor.stdout]) {
      if (yes) handle.ref()
      else handle.unref()
    }
  }
}

function answerOf(member) {
  return `answer of member ${member}`
}

function killIfAlive(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
