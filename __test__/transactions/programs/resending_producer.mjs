// Sends messages with fixed ids, always all of them from the first on, some at a time. Killed by the test.
import { ChangeStreamBroker } from '../../../index.js'

const { uri, database, topic, partitions, count } = JSON.parse(process.argv[2])
const IN_FLIGHT = 40

const broker = new ChangeStreamBroker({ mongoUri: uri, database, logLevel: 'SILENT' })
await broker.connect()
const producer = await broker.createProducer({ topic, partitions, retentionMs: 3_600_000 })
let next = 0

async function sendSome() {
  while (next < count) {
    const n = next++
    await producer.send({ key: `key-${n}`, value: { n }, messageId: `id-${n}` })
  }
}

process.send('ready')
await Promise.all(Array.from({ length: IN_FLIGHT }, sendSome))
await broker.disconnect()
process.disconnect()
