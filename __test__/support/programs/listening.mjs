// Listens to everything a broker and a consumer tell, and must end by itself all the same.
// Arguments: how, uri, database, topic.
import { ChangeStreamBroker } from '../../../index.js'

const [how, mongoUri, database, topic] = process.argv.slice(2)
const say = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
const names = [
  'assigned',
  'revoked',
  'committed',
  'retried',
  'deadLettered',
  'recovered',
  'expired',
  'stalled',
  'error',
]

const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
for (const name of ['connected', 'disconnected', ...names]) broker.on(name, () => say(name))
await broker.connect()
const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })
const consumer = await broker.createConsumer({ groupId: 'group', topic })
for (const name of names) consumer.on(name, () => {})
let handle
const handled = new Promise((resolve) => {
  handle = resolve
})
await consumer.subscribe({
  handler: async () => {
    if (how === 'inside-handler') {
      await broker.disconnect()
      say('disconnect resolved')
    }
    handle()
  },
})
await producer.send({ value: 1 })
await handled
if (how === 'broker') await broker.disconnect()
if (how === 'unsubscribe') await consumer.unsubscribe()
if (how === 'consumer') await consumer.disconnect()
say('end')
