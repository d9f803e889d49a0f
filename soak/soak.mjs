// Producers and consumers in processes of their own, a random fault every minute, and at the end the question whether
// anything was lost, doubled or out of order. Judged by `check_history` of crates/test-support.
//
//   npm run soak                                         an hour
//   npm run soak -- --minutes 2 --every 15 --seed 7      shorter, with a fault every 15 seconds; a seed repeats the faults
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../scripts/replica_set.mjs'
import { makeFaults } from './faults.mjs'
import { History } from './history.mjs'
import { Member } from './member.mjs'
import { ResourceSamples } from './resource_samples.mjs'

const CONSUMERS = 3
const PRODUCERS = 2
const PARTITIONS = 6
const PATIENCE_MS = 120_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    every: { type: 'string', default: '60' },
    rate: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(1 + (Date.now() % 100_000)) },
  },
})
const [minutes, every, rate, seed] = ['minutes', 'every', 'rate', 'seed'].map(positiveNumber)
const say = (line) => console.log(line)
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const random = seededRandom(seed)
const choose = (list) => list[Math.floor(random() * list.length)]

const directory = await mkdtemp(join(tmpdir(), 'csbroker-soak-'))
const history = new History(join(directory, 'history.jsonl'))
// Short enough that a consumer that is frozen finds its cursor gone when it comes back.
const set = await startReplicaSet({
  members: 3,
  setParameter: { cursorTimeoutMillis: 20_000, clientCursorMonitorFrequencySecs: 2 },
})
const setting = { uri: set.uri, database: 'soak', topic: 'soak', groupId: 'soak' }
const consumers = Array.from({ length: CONSUMERS }, (_, index) => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const own = partitions.filter((partition) => partition % CONSUMERS === index)
  return new Member(
    'consumer_process.mjs',
    `c${index + 1}`,
    { ...setting, partitions: own, failureRate: 0.01 },
    history,
  )
})
const producers = Array.from({ length: PRODUCERS }, (_, index) => {
  const load = { partitions: PARTITIONS, keys: 50, perSecond: rate / PRODUCERS }
  return new Member('producer_process.mjs', `p${index + 1}`, { ...setting, ...load }, history)
})
const samples = new ResourceSamples(set.uri, consumers)
let isClean = false
try {
  isClean = await soak()
} catch (error) {
  console.error('the soak run failed:', error)
} finally {
  for (const member of [...producers, ...consumers]) member.kill()
  await set.stop()
  if (isClean) await rm(directory, { recursive: true })
  else say(`the history is in ${history.path}`)
}
process.exitCode = isClean ? 0 : 1

function positiveNumber(option) {
  const number = Number(values[option])
  if (number > 0 && Number.isFinite(number)) return number
  console.error(`--${option} is ${JSON.stringify(values[option])}: give a number above 0`)
  process.exit(2)
}

async function soak() {
  say(`seed ${seed}: ${minutes} min, ${rate} messages/s, a fault every ${every} s`)
  // The first producer makes the topic.
  for (const member of [...producers, ...consumers]) await member.start()
  const faults = makeFaults({ set, consumers, producers, choose })
  const begun = Date.now()
  const second = () => Math.round((Date.now() - begun) / 1000)
  while (second() < minutes * 60) {
    await pause(every * 1000)
    await report(second(), await samples.take(second()))
    const name = choose(Object.keys(faults))
    say(`${String(second()).padStart(6)} s  ${name}`)
    await faults[name]()
  }
  for (const producer of producers) await producer.close()
  await history.untilFinished(PATIENCE_MS)
  await samples.take(second())
  for (const consumer of consumers) await consumer.close()
  await history.close()
  return judge()
}

async function report(second, sample) {
  const { sent, acknowledged, unknown, handled, unfinished } = history
  const { memoryMb, handles, connections, cursors } = sample
  say(
    `${String(second).padStart(6)} s  sent ${sent}, acknowledged ${acknowledged}, unknown ${unknown}, ` +
      `handled ${handled}, to do ${unfinished}; ${memoryMb} MB, ${handles} handles, ${connections} connections, ` +
      `${cursors} cursors`,
  )
}

function judge() {
  say(samples.table())
  const growing = samples.growing()
  for (const { name, from, to } of growing) say(`${name} grew from ${from} to ${to}`)
  const { status } = spawnSync('cargo', ['run', '--quiet', '--bin', 'check_history', '--', history.path], {
    stdio: 'inherit',
  })
  return status === 0 && growing.length === 0
}

/** Mulberry32: small, good enough to choose faults, and the same everywhere. */
function seededRandom(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
