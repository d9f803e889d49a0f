// A member of the group that moves money between accounts. Killed, frozen and replaced by the test.
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../../index.js'

const { uri, database, topic, groupId, batch } = JSON.parse(process.argv[2])
const client = await MongoClient.connect(uri)
const accounts = client.db(database).collection('accounts')
const transfers = client.db(database).collection('transfers')

const moves = ({ from, to, amount }) => [
  { updateOne: { filter: { _id: from }, update: { $inc: { balance: -amount } } } },
  { updateOne: { filter: { _id: to }, update: { $inc: { balance: amount } } } },
]

/** The effect of a message: both accounts, and a line in the book. Nothing here would notice if it came twice. */
async function apply(records, session) {
  const orders = records.map(({ message }) => message.value)
  await transfers.insertMany(
    orders.map(({ n }) => ({ n })),
    { session },
  )
  await accounts.bulkWrite(
    orders.flatMap((order) => moves(order)),
    { session },
  )
}

const handling = batch
  ? { batchHandler: (records, { session }) => apply(records, session), batch: { maxMessages: 50 } }
  : { handler: (record, { session }) => apply([record], session) }

const broker = new ChangeStreamBroker({ mongoUri: uri, database, logLevel: 'SILENT', heartbeatIntervalMs: 500 })
await broker.connect()
const consumer = await broker.createConsumer({ topic, groupId, sessionTimeoutMs: 6000, rebalanceDelayMs: 200 })
await consumer.subscribe({ ...handling, transactional: { client }, maxRetries: 1000, retryDelay: 20 })
process.on('message', async () => {
  await broker.disconnect()
  await client.close()
  process.disconnect()
})
process.send('ready')
