// Handles a record in a transaction, and dies when that is about to commit: the offset is written, and held.
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../../index.js'

const { uri, database, topic, groupId, effects } = JSON.parse(process.argv[2])
const client = await MongoClient.connect(uri, { monitorCommands: true })
client.on('commandStarted', ({ commandName }) => {
  if (commandName === 'commitTransaction') process.kill(process.pid, 'SIGKILL')
})
const broker = new ChangeStreamBroker({ mongoUri: uri, database, logLevel: 'SILENT', heartbeatIntervalMs: 1000 })
await broker.connect()
const consumer = await broker.createConsumer({ topic, groupId, sessionTimeoutMs: 6000 })
await consumer.subscribe({
  transactional: { client },
  handler: ({ message }, { session }) =>
    client.db(database).collection(effects).insertOne({ n: message.value.n }, { session }),
})
process.send('ready')
