// Runs a command that needs a MongoDB replica set:
//
//   node scripts/with_mongod.mjs [--version 6.0.5] -- command [arguments…]
//
// Uses MONGODB_BROKER_URI where it is set; otherwise starts a replica set, sets MONGODB_BROKER_URI for the command and
// removes the set when the command ends. Signals go to the command, its exit code comes back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { startReplicaSet } from './replica_set.mjs'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const USAGE = 'usage: node scripts/with_mongod.mjs [--version 6.0.5] -- command [arguments…]'

async function main() {
  const { version, command } = parseCommandLine()
  if (process.env.MONGODB_BROKER_URI) {
    console.error('with_mongod: using the server of MONGODB_BROKER_URI')
    return await run(command)
  }
  console.error('with_mongod: starting a replica set (MONGODB_BROKER_URI is not set) …')
  const set = await startReplicaSet({ version })
  console.error(`with_mongod: ready, ${set.uri}`)
  try {
    let stopping = false
    set.onExit((_, reason) => stopping || console.error(`with_mongod: mongod ended (${reason}) while the command runs`))
    const ending = await run(command, { MONGODB_BROKER_URI: set.uri })
    stopping = true
    return ending
  } finally {
    await set.stop()
    console.error('with_mongod: replica set removed')
  }
}

function parseCommandLine() {
  const end = process.argv.indexOf('--')
  const command = end === -1 ? [] : process.argv.slice(end + 1)
  if (command.length === 0) {
    console.error(USAGE)
    process.exit(2)
  }
  const { values } = parseArgs({ args: process.argv.slice(2, end), options: { version: { type: 'string' } } })
  return { version: values.version, command }
}

/** Resolves to {code, signal} of the command's end. */
async function run([name, ...args], env = {}) {
  const child = spawn(name, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  const forward = (signal) => {
    // A Ctrl-C in a terminal reaches the whole group, the command too.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  }
  for (const signal of SIGNALS) process.on(signal, forward)
  try {
    const [code, signal] = await once(child, 'exit')
    return { code, signal }
  } finally {
    for (const signal of SIGNALS) process.off(signal, forward)
  }
}

main().then(
  ({ code, signal }) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
  },
  (error) => {
    console.error(`with_mongod: ${error.message}`)
    process.exitCode = 1
  },
)
