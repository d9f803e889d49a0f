// A process between the one that uses mongods and the mongods: when its standard input ends, because the user closed it
// or died (by SIGKILL too), it kills the mongods and removes their data.
//
// In, one JSON per line: first {directory, executable, members: [args]}, then {start: n} and {kill: n}.
// Out, one JSON per line: {started: n, pid}, {exited: n, code, signal}.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

let setup = null
const running = new Map()

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

function start(member) {
  const log = openSync(join(setup.directory, `${member}.log`), 'a')
  const mongod = spawn(setup.executable, setup.members[member], { stdio: ['ignore', log, log] })
  closeSync(log)
  const gone = new Promise((resolve) => {
    const ended = (code, signal) => {
      running.delete(member)
      tell({ exited: member, code, signal })
      resolve()
    }
    mongod.once('error', (error) => ended(error.message, null))
    mongod.once('exit', ended)
  })
  running.set(member, { mongod, gone })
  mongod.once('spawn', () => tell({ started: member, pid: mongod.pid }))
}

async function endAll() {
  await Promise.all(
    [...running.values()].map(({ mongod, gone }) => {
      mongod.kill('SIGKILL')
      return gone
    }),
  )
  if (setup !== null) await rm(setup.directory, { recursive: true, force: true, maxRetries: 10 })
  process.exit(0)
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line)
    if (setup === null) setup = message
    else if ('start' in message) start(message.start)
    else running.get(message.kill)?.mongod.kill('SIGKILL')
  })
  .on('close', endAll)

// The user is gone: there is nobody to tell, and standard input says so too.
process.stdout.on('error', () => {})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, endAll)
