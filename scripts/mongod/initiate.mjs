// The commands that make fresh servers usable.
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient } from 'mongodb'

export const ROOT_USER = 'root'
export const ROOT_PASSWORD = 'docker'
const POLL_MS = 25
const ELECTION_TIMEOUT_MS = 3000
const SELECTION_TIMEOUT_MS = 10_000

/**
 * Makes the servers on `ports` the replica set `name` and resolves when the first one is its writable primary and all
 * others can be read. The first one is preferred as primary also after an election.
 */
export async function initiateReplicaSet({ name, ports, signal }) {
  await withAdmin(ports[0], async (admin) => {
    const members = ports.map((port, _id) => ({ _id, host: `127.0.0.1:${port}`, priority: _id === 0 ? 2 : 1 }))
    const config = { _id: name, members, settings: { electionTimeoutMillis: ELECTION_TIMEOUT_MS } }
    await admin.command({ replSetInitiate: config })
    await untilHello(admin, (hello) => hello.isWritablePrimary, signal)
  })
  for (const port of ports.slice(1)) await untilMember(port, signal)
}

/** Creates the first user, which a server with access control allows from its own host. */
export async function createRootUser(port) {
  await withAdmin(port, (admin) => admin.command({ createUser: ROOT_USER, pwd: ROOT_PASSWORD, roles: ['root'] }))
}

/** Resolves when the server on `port` is primary or secondary of its replica set. */
export async function untilMember(port, signal) {
  await withAdmin(port, (admin) => untilHello(admin, (hello) => hello.isWritablePrimary || hello.secondary, signal))
}

/** Resolves when the server on `port` takes writes. */
export async function untilWritable(port, signal) {
  await withAdmin(port, (admin) => untilHello(admin, (hello) => hello.isWritablePrimary, signal))
}

async function withAdmin(port, use) {
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS })
  try {
    await use(client.db('admin'))
  } finally {
    await client.close()
  }
}

async function untilHello(admin, isReady, signal) {
  while (!isReady(await admin.command({ hello: 1 }))) await delay(POLL_MS, undefined, { signal })
}
