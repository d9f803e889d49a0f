// Reading a backlog: from a committed offset on, and from the beginning.
import { MongoClient } from 'mongodb'
import * as bareDriver from '../contenders/bare_driver.mjs'
import { uniqueGroup } from '../contenders/broker_package.mjs'
import * as ours from '../contenders/ours.mjs'
import { freshTopic, messages } from '../measurement/messages.mjs'

/** What is younger is read from the change stream, what is older from the collection. */
const HISTORY_AFTER_MS = 125_000
const LARGE = 100_000

const base = { unit: 'msg/s', bytes: 300 }
const large = { default: LARGE, release_1_4_2: 5000 }
const oursAlone = ['ours']
export const cases = [
  { ...base, name: 'from the offset, commit asked per message', sizes: large },
  // 1.4.2 commits nothing when it has an interval.
  {
    ...base,
    name: 'from the offset, commit per second',
    contenders: ['ours', 'bare_driver'],
    consumer: { autoCommitIntervalMs: 1000 },
    sizes: large,
  },
  { ...base, name: 'from the offset, batches', contenders: oursAlone, handling: { batch: true }, sizes: large },
  {
    ...base,
    name: 'from the beginning',
    consumer: { fromBeginning: true },
    sizes: { default: LARGE, release_1_4_2: 1000 },
  },
  {
    ...base,
    name: 'from the beginning, batches',
    contenders: oursAlone,
    consumer: { fromBeginning: true },
    handling: { batch: true },
    sizes: large,
  },
  { ...base, name: 'from the offset, 3 KB', bytes: 3000, sizes: { default: 60_000, release_1_4_2: 3000 } },
]

/** Old messages, the same for everybody who reads from the beginning, by their number. */
export async function prepare({ uri, cases: wanted, sized }) {
  const counts = wanted.filter(({ consumer }) => consumer?.fromBeginning).flatMap(({ sizes }) => Object.values(sizes))
  const places = {}
  for (const count of new Set(counts.map(sized))) {
    places[count] = { ...freshTopic(), group: 'benchmark' }
    const fill = await ours.sender({ uri, ...places[count] })
    await send(fill, count, base.bytes)
    await fill.close()
  }
  if (counts.length > 0) await new Promise((resolve) => setTimeout(resolve, HISTORY_AFTER_MS))
  return places
}

async function send(sender, count, bytes) {
  for (let from = 0; from < count; from += 1000) {
    await sender.send(messages(Math.min(1000, count - from), bytes, from))
  }
}

export async function run({ contender, uri, measured, prepared, settings }) {
  const { count, bytes, consumer = {}, handling } = settings
  const isOld = consumer.fromBeginning === true
  const place = isOld ? { ...prepared[count], group: uniqueGroup() } : { ...freshTopic(), group: 'benchmark' }
  let position
  if (!isOld) {
    const fill = await contender.sender({ uri, ...place })
    position = await commitFirst({ contender, uri, place, consumer, fill })
    await send(fill, count, bytes)
    await fill.close()
  }

  let handled = 0
  let receiver
  const { seconds, cpuSeconds } = await measured(
    () =>
      new Promise((resolve, reject) => {
        const handle = () => {
          handled += 1
          if (handled === count) resolve()
        }
        contender.receiver({ uri, ...place, consumer, handling, position }, handle).then((made) => {
          receiver = made
        }, reject)
      }),
  )
  const memory = process.memoryUsage().rss / 2 ** 20
  await receiver?.close()
  if (!isOld) await drop(uri, place.database)
  return { rate: count / seconds, cpuMicrosecondsPerMessage: (cpuSeconds * 1e6) / count, memoryMiB: memory }
}

/** The group has an offset: it has handled a message, and said so. */
async function commitFirst({ contender, uri, place, consumer, fill }) {
  if (contender.currentPosition !== undefined) {
    await fill.send(messages(1, 300))
    return await bareDriver.currentPosition({ uri, ...place })
  }
  let done
  const handled = new Promise((resolve) => {
    done = resolve
  })
  await fill.send(messages(1, 300, -2))
  const first = await contender.receiver({ uri, ...place, consumer }, () => done())
  // 1.4.2 listens a moment after it has said so.
  const timer = setInterval(() => void fill.send(messages(1, 300, -1)), 200)
  await handled
  clearInterval(timer)
  await first.close()
  return undefined
}

async function drop(uri, database) {
  const client = new MongoClient(uri)
  await client.db(database).dropDatabase()
  await client.close()
}
