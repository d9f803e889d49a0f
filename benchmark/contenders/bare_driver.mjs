// The official driver alone, doing the same with the same documents: what a broker could reach in JavaScript at best.
import { createRequire } from 'node:module'
import { MongoClient } from 'mongodb'

const require = createRequire(import.meta.url)
export const entry = require.resolve('mongodb')

async function connect(uri) {
  const client = new MongoClient(uri, { writeConcern: { w: 'majority' } })
  await client.connect()
  return client
}

function document({ key, value }, partition) {
  return { ...value, _key: key, _headers: {}, _timestamp: new Date(), _partition: partition }
}

/** Single messages that come while an insert is under way go together with the next one. */
export async function sender({ uri, database, topic, partitions = 1, joins = true }) {
  const client = await connect(uri)
  const collection = client.db(database).collection(`${topic}_p0`)
  const others = Array.from({ length: partitions }, (_, number) =>
    client.db(database).collection(`${topic}_p${number}`),
  )
  let waiting = []
  let isBusy = false
  let next = 0

  async function insertWaiting() {
    isBusy = true
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      const documents = taken.map(({ message }) => document(message, 0))
      const outcome = collection.insertMany(documents, { ordered: true })
      await outcome.then(
        () => {
          for (const { resolve } of taken) resolve()
        },
        (error) => {
          for (const { reject } of taken) reject(error)
        },
      )
    }
    isBusy = false
  }

  return {
    async send(messages) {
      if (Array.isArray(messages)) {
        const number = next++ % partitions
        return await others[number].insertMany(messages.map((message) => document(message, number)))
      }
      if (!joins) return await collection.insertOne(document(messages, 0))
      return await new Promise((resolve, reject) => {
        waiting.push({ message: messages, resolve, reject })
        if (!isBusy) void insertWaiting()
      })
    },
    close: () => client.close(),
  }
}

/** From the change stream, behind `position`; or with `consumer.fromBeginning` the collection, sorted. */
export async function receiver({ uri, database, topic, partitions = 1, consumer = {}, position }, handle) {
  const client = await connect(uri)
  const db = client.db(database)
  if (consumer.fromBeginning) {
    const cursor = db.collection(`${topic}_p0`).find({}, { sort: { _id: 1 }, batchSize: 1000 })
    const reading = (async () => {
      for await (const each of cursor) handle(each)
    })()
    return {
      async close() {
        await reading
        await client.close()
      },
    }
  }
  const names = Array.from({ length: partitions }, (_, number) => `${topic}_p${number}`)
  const pipeline = [{ $match: { operationType: 'insert', 'ns.coll': { $in: names } } }]
  const options = { batchSize: 1000, maxAwaitTimeMS: 1000, ...(position ? { resumeAfter: position } : {}) }
  const stream = db.watch(pipeline, options)
  stream.on('change', (event) => handle(event.fullDocument))
  // A stream is open when it has a token.
  await new Promise((resolve) => stream.once('resumeTokenChanged', resolve))
  return {
    async close() {
      await stream.close()
      await client.close()
    },
  }
}

/** Where the change stream is now. */
export async function currentPosition({ uri, database }) {
  const client = await connect(uri)
  const stream = client.db(database).watch([], { maxAwaitTimeMS: 10 })
  const token = new Promise((resolve) => stream.once('resumeTokenChanged', resolve))
  void stream.tryNext()
  const position = await token
  await stream.close()
  await client.close()
  return position
}
