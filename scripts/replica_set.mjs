// A MongoDB replica set for tests, demo and benchmarks, in a temporary folder on free loopback ports.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findMongod } from './find_mongod.mjs'
import { createRootUser, initiateReplicaSet, untilMember, untilWritable } from './mongod/initiate.mjs'
import { dataDirectory, KEY_FILE, mongodArguments, REPLICA_SET, uriOf } from './mongod/mongod_arguments.mjs'
import { freePorts, untilListening } from './mongod/ports.mjs'
import { SupervisedMongods } from './mongod/supervised_mongods.mjs'

const START_DEADLINE_MS = 120_000
const PORT_ATTEMPTS = 5
const LINES_OF_LOG = 15

/**
 * Starts a replica set and resolves when it takes writes. It ends with this process, even when that is killed.
 *
 * @param {object} [options]
 * @param {string} [options.version] of mongod, exactly; default: any from 5.0 on
 * @param {boolean} [options.auth] key file and user root/docker; default false
 * @param {boolean} [options.standalone] one server that is no replica set; default false
 * @param {number} [options.members] default 1
 * @param {number} [options.oplogSizeMb] default: the server's
 * @param {Record<string, unknown>} [options.setParameter] server parameters
 * @param {boolean} [options.quiet] do not say on stderr what takes long; default false
 * @returns {Promise<ReplicaSet>}
 */
export async function startReplicaSet({ version, quiet = false, ...options } = {}) {
  const executable = await findMongod({ version, log: quiet ? () => {} : console.error })
  for (let attempt = 1; ; attempt++) {
    const set = await prepare(executable, await freePorts(options.members ?? 1), options)
    try {
      await set.launch()
      return set
    } catch (error) {
      await set.stop()
      if (!error.portTaken || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

async function prepare(executable, ports, { auth = false, standalone = false, ...options }) {
  const directory = await mkdtemp(join(tmpdir(), 'csbroker-mongod-'))
  try {
    if (auth) await writeFile(join(directory, KEY_FILE), randomBytes(48).toString('base64'), { mode: 0o600 })
    await Promise.all(ports.map((_, member) => mkdir(dataDirectory(directory, member))))
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
  const members = ports.map((port, member) =>
    mongodArguments(directory, port, member, { auth, standalone, ...options }),
  )
  const mongods = new SupervisedMongods({ directory, executable, members })
  return new ReplicaSet({ directory, ports, auth, standalone, mongods })
}

/** A running set. Members are numbered from 0; the first one is the preferred primary. */
class ReplicaSet {
  #directory
  #standalone
  #auth
  #mongods

  constructor({ directory, ports, auth, standalone, mongods }) {
    this.#directory = directory
    this.#standalone = standalone
    this.#auth = auth
    this.#mongods = mongods
    /** Ports of all members. */
    this.ports = ports
    /** For `new MongoClient(uri)` and MONGODB_BROKER_URI. */
    this.uri = uriOf(ports, { auth, standalone })
  }

  get port() {
    return this.ports[0]
  }

  get pid() {
    return this.pidOf(0)
  }

  /** @returns {number|undefined} undefined while it does not run. */
  pidOf(member) {
    return this.#mongods.pid(member)
  }

  /** Calls `listener(member, reason)` when a mongod ends, for whatever cause. */
  onExit(listener) {
    this.#mongods.on('exit', listener)
  }

  /** Ends all members without warning (SIGKILL); the data stay until `stop`. */
  async kill() {
    await Promise.all(this.ports.map((_, member) => this.killMember(member)))
  }

  async killMember(member) {
    await this.#mongods.kill(member)
  }

  /** Starts a member that was killed, on its port and its data; resolves when it is primary or secondary again. */
  async startMember(member) {
    await this.#bringUp(member, async (signal) => {
      await this.#mongods.start(member)
      await untilListening(this.ports[member], signal)
      await (this.#standalone ? untilWritable : untilMember)(this.ports[member], signal)
    })
  }

  /** Ends all members and removes their data. May be called twice. */
  async stop() {
    await this.#mongods.end()
  }

  /** The first start of all members; for `startReplicaSet` only. */
  async launch() {
    await Promise.all(
      this.ports.map((port, member) =>
        this.#bringUp(member, async (signal) => {
          await this.#mongods.start(member)
          await untilListening(port, signal)
        }),
      ),
    )
    await this.#bringUp(0, async (signal) => {
      if (this.#standalone) await untilWritable(this.port, signal)
      else await initiateReplicaSet({ name: REPLICA_SET, ports: this.ports, signal })
      if (this.#auth) await createRootUser(this.port)
    })
  }

  /** Runs `work` until it is done, the member ends or the deadline is over; an error carries the end of its log. */
  async #bringUp(member, work) {
    const controller = new AbortController()
    const aborted = once(controller.signal, 'abort').then(() => {
      throw controller.signal.reason
    })
    const giveUp = (reason) => controller.abort(new Error(reason))
    const timer = setTimeout(giveUp, START_DEADLINE_MS, `is not up after ${START_DEADLINE_MS / 1000} s`)
    const onExit = (ended, reason) => ended === member && giveUp(`ended: ${reason}`)
    this.#mongods.on('exit', onExit)
    try {
      await Promise.race([work(controller.signal), aborted])
    } catch (error) {
      throw await this.#startError(member, error)
    } finally {
      clearTimeout(timer)
      this.#mongods.off('exit', onExit)
    }
  }

  async #startError(member, cause) {
    const log = await readFile(join(this.#directory, `${member}.log`), 'utf8').catch(() => '(it wrote no log)')
    const end = log.trim().split('\n').slice(-LINES_OF_LOG).join('\n')
    const error = new Error(`mongod on port ${this.ports[member]}: ${cause.message}\n${end}`, { cause })
    error.portTaken = log.includes('Address already in use')
    return error
  }
}
