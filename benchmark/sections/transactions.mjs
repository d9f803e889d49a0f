// What it costs to commit the effects of a handler together with its offset, beside writing them without a transaction,
// and beside the same transactions by the driver alone.
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'
import { freshTopic, messages } from '../measurement/messages.mjs'

const BATCH = 100
const base = { unit: 'msg/s', bytes: 300 }
const withDriver = ['ours', 'bare_driver']

export const cases = [
  { ...base, name: 'a write per message', contenders: ['ours'], batch: 1, sizes: { default: 3000 } },
  {
    ...base,
    name: 'a transaction per message',
    contenders: withDriver,
    batch: 1,
    transactional: true,
    sizes: { default: 3000 },
  },
  { ...base, name: 'a write per batch of 100', contenders: ['ours'], batch: BATCH, sizes: { default: 50_000 } },
  {
    ...base,
    name: 'a transaction per batch of 100',
    contenders: withDriver,
    batch: BATCH,
    transactional: true,
    sizes: { default: 50_000 },
  },
]

export async function run({ contenderName, uri, measured, settings: { count, bytes, batch, transactional = false } }) {
  const place = freshTopic()
  const client = await MongoClient.connect(uri, { writeConcern: { w: 'majority', j: true } })
  const db = client.db(place.database)
  const effects = await db.createCollection('effects')
  const work = contenderName === 'ours' ? byBroker : byDriver
  const { seconds, cpuSeconds } = await work({
    uri,
    ...place,
    client,
    db,
    effects,
    count,
    bytes,
    batch,
    transactional,
    measured,
  })
  const stored = await effects.countDocuments()
  await db.dropDatabase()
  await client.close()
  if (stored !== count) throw new Error(`${stored} of ${count} effects are stored`)
  return { rate: count / seconds, cpuMicrosecondsPerMessage: (cpuSeconds * 1e6) / count }
}

async function byBroker({ uri, database, topic, client, effects, count, bytes, batch, transactional, measured }) {
  const broker = new ChangeStreamBroker({ mongoUri: uri, database, autoCreateTopics: true, logLevel: 'SILENT' })
  await broker.connect()
  const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })
  for (let from = 0; from < count; from += 1000)
    await producer.send(messages(Math.min(1000, count - from), bytes, from))
  await broker.resetOffsets({ groupId: 'benchmark', topic, to: new Date(Date.now() - 3_000_000) })
  const consumer = await broker.createConsumer({ groupId: 'benchmark', topic, autoCommit: true })
  const cost = await measured(
    () =>
      new Promise((resolve, reject) => {
        let handled = 0
        const handle = async (records, { session }) => {
          await effects.insertMany(
            records.map(({ message }) => ({ n: message.value.n })),
            { session },
          )
          handled += records.length
          if (handled === count) resolve()
        }
        const handling =
          batch > 1
            ? { batchHandler: handle, batch: { maxMessages: batch, lingerMs: 5 } }
            : { handler: (record, context) => handle([record], context) }
        consumer.subscribe({ ...handling, ...(transactional ? { transactional: { client } } : {}) }).catch(reject)
      }),
  )
  await broker.disconnect()
  return cost
}

/** The effect, and the place up to which they are there, in one transaction. */
async function byDriver({ client, db, effects, count, batch, measured }) {
  const offsets = await db.createCollection('offsets')
  await offsets.insertOne({ _id: 'offset', position: 0 })
  const session = client.startSession()
  const cost = await measured(async () => {
    for (let from = 0; from < count; from += batch) {
      const numbers = Array.from({ length: Math.min(batch, count - from) }, (_, index) => from + index)
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', j: true } })
      await effects.insertMany(
        numbers.map((n) => ({ n })),
        { session },
      )
      await offsets.updateOne(
        { _id: 'offset', position: from },
        { $set: { position: from + numbers.length } },
        { session },
      )
      await session.commitTransaction()
    }
  })
  await session.endSession()
  return cost
}
