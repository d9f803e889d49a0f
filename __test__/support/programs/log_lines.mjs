// A short life of a broker; what it prints is the test's subject. Arguments: uri database topic level context.
import { ChangeStreamBroker } from '../../../index.js'

const [mongoUri, database, topic, level, context] = process.argv.slice(2)
const broker = new ChangeStreamBroker({
  mongoUri,
  database,
  autoCreateTopics: true,
  logLevel: level || undefined,
  logContext: context || undefined,
})
await broker.connect()
const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })
const consumer = await broker.createConsumer({ groupId: 'group', topic })
let attempts = 0
let done
const handled = new Promise((resolve) => {
  done = resolve
})
const handler = async () => {
  attempts += 1
  if (attempts === 1) throw new Error('first attempt')
  done()
}
await consumer.subscribe({ handler, retryDelay: 1 })
await producer.send({ key: 'k', value: { text: 'secret-payload' } })
await handled
await broker.disconnect()
