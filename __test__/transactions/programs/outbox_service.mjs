// Stores orders and sends messages about them, in one transaction each, several at a time; every third is aborted. Ends when
// it is killed.
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../../index.js'

const { uri, database, topic, partitions, prefix } = JSON.parse(process.argv[2])
const LINES = 4

const client = await MongoClient.connect(uri)
const broker = new ChangeStreamBroker({ mongoUri: uri, database, logLevel: 'SILENT' })
await broker.connect()
const producer = await broker.createProducer({ topic, partitions, retentionMs: 3_600_000 })
const orders = client.db(database).collection('orders')

let next = 0

async function place(session) {
  const number = next++
  const order = `${prefix}-${number}`
  const isAborted = number % 3 === 2
  session.startTransaction()
  await orders.insertOne({ _id: order, aborted: isAborted }, { session })
  await producer.send({ key: order, value: { order } }, { session })
  if (isAborted) await session.abortTransaction()
  else await session.commitTransaction()
}

async function placeForEver() {
  const session = client.startSession()
  for (;;) await place(session)
}

process.send('ready')
await Promise.all(Array.from({ length: LINES }, placeForEver))
