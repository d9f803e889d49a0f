// Consumers with listeners are made, subscribed and closed, again and again; says how many of them the collector has not
// taken. Needs --expose-gc. Arguments: uri database topic.
import { setImmediate } from 'node:timers/promises'
import { ChangeStreamBroker } from '../../../index.js'

const ROUNDS = 20
const [mongoUri, database, topic] = process.argv.slice(2)
const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
await broker.connect()
broker.on('committed', () => {})
await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })

async function round(number) {
  const consumer = await broker.createConsumer({ groupId: `group-${number}`, topic })
  consumer.on('assigned', () => consumer.isSubscribed())
  await consumer.subscribe({ handler: () => consumer.getTopic() })
  await consumer.disconnect()
  return new WeakRef(consumer)
}

const closed = []
for (let number = 0; number < ROUNDS; number++) closed.push(await round(number))
let alive = ROUNDS
// The last one may still stand in a frame or a queue.
for (let tries = 0; tries < 200 && alive > 1; tries++) {
  global.gc()
  await setImmediate()
  alive = closed.filter((reference) => reference.deref() !== undefined).length
}
await broker.disconnect()
process.stdout.write(`${JSON.stringify({ alive })}\n`)
