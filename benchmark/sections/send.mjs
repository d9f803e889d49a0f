// Sending: one by one, with many in flight, in arrays.
import { MongoClient } from 'mongodb'
import { freshTopic, messages } from '../measurement/messages.mjs'

const WARM_UP = 200

const base = { unit: 'msg/s', bytes: 300 }
export const cases = [
  { ...base, name: 'one by one', way: 'single', inFlight: 1, joins: false, sizes: { default: 1000 } },
  { ...base, name: '64 in flight', way: 'single', inFlight: 64, sizes: { default: 60_000, release_1_4_2: 5000 } },
  { ...base, name: '512 in flight', way: 'single', inFlight: 512, sizes: { default: 100_000, release_1_4_2: 5000 } },
  { ...base, name: 'arrays of 1000', way: 'array', inFlight: 1, sizes: { default: 200_000, release_1_4_2: 100_000 } },
  { ...base, name: 'arrays of 1000, 3 KB', way: 'array', inFlight: 1, bytes: 3000, sizes: { default: 30_000 } },
]

export async function run({ contender, uri, measured, settings: { way, inFlight, joins, bytes, count } }) {
  const place = freshTopic()
  const sender = await contender.sender({ uri, ...place, joins })
  await inTurns(sender, messages(WARM_UP, bytes), Math.min(inFlight, 16))
  const prepared = way === 'array' ? arrays(count, bytes) : messages(count, bytes)
  const { seconds, cpuSeconds } = await measured(() => inTurns(sender, prepared, inFlight))
  await sender.close()
  await check(uri, place, WARM_UP + count)
  return { rate: count / seconds, cpuMicrosecondsPerMessage: (cpuSeconds * 1e6) / count }
}

function arrays(count, bytes) {
  const parts = []
  for (let from = 0; from < count; from += 1000) parts.push(messages(Math.min(1000, count - from), bytes, from))
  return parts
}

/** `inFlight` senders, each with one send under way at a time. */
async function inTurns(sender, prepared, inFlight) {
  let next = 0
  const lines = Array.from({ length: inFlight }, async () => {
    while (next < prepared.length) await sender.send(prepared[next++])
  })
  await Promise.all(lines)
}

/** A fast sender that stores too little is none. */
async function check(uri, { database, topic }, expected) {
  const client = new MongoClient(uri)
  const stored = await client.db(database).collection(`${topic}_p0`).countDocuments()
  await client.db(database).dropDatabase()
  await client.close()
  if (stored !== expected) throw new Error(`${stored} of ${expected} messages are stored`)
}
