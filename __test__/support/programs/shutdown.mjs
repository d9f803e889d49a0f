// Sends 5 messages to itself, closes in the way it is told while the handler of the first one runs, and must then end
// by itself. Arguments: how, uri, database, topic.
import { setTimeout as delay } from 'node:timers/promises'
import { ChangeStreamBroker } from '../../../index.js'

const [how, mongoUri, database, topic] = process.argv.slice(2)
const say = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
const HANDLER_MS = 300

const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
await broker.connect()
const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })

if (how === 'producer-only') {
  await producer.send({ value: 0 })
  await broker.disconnect()
  say('disconnected')
} else {
  const consumer = await broker.createConsumer({ groupId: 'group', topic })
  const close = {
    broker: () => broker.disconnect(),
    'unsubscribe-then-broker': async () => {
      await consumer.unsubscribe()
      await broker.disconnect()
    },
    twice: () => Promise.all([broker.disconnect(), broker.disconnect(), consumer.disconnect()]),
    'inside-handler': () => broker.disconnect(),
    'unsubscribe-only': () => consumer.unsubscribe(),
    'process-exit': () => process.exit(7),
  }
  let start
  const started = new Promise((resolve) => {
    start = resolve
  })
  let closeBegins
  const closing = new Promise((resolve) => {
    closeBegins = resolve
  })
  await consumer.subscribe({
    handler: async (record) => {
      say('handler starts', { value: record.message.value })
      start()
      await (how === 'inside-handler' ? close[how]() : closing)
      await delay(HANDLER_MS)
      say('handler ends', { value: record.message.value })
      if (how === 'inside-handler') say('disconnected')
    },
  })
  say('subscribed')
  if (how !== 'stay') {
    await producer.send(Array.from({ length: 5 }, (_, value) => ({ key: 'k', value })))
    await started
    if (how !== 'inside-handler') {
      const closed = close[how]()
      closeBegins()
      await closed
      say('disconnected')
    }
  }
}
