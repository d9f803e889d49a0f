// A member of a group in a process of its own. Says what happens to it, one line of JSON each; on the word "block <ms>" it
// blocks its event loop, on "close" it disconnects and ends. Arguments: uri database topic consumer configuration (JSON).
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { ChangeStreamBroker } from '../../../index.js'

const [mongoUri, database, topic, config] = process.argv.slice(2)
// Synchronous: what is in a pipe's buffer is lost with the process.
const say = (event, more) => writeSync(1, `${JSON.stringify({ event, ...more })}\n`)

const broker = new ChangeStreamBroker({ mongoUri, database, heartbeatIntervalMs: 1000 })
await broker.connect()
const consumer = await broker.createConsumer({
  groupId: 'group',
  topic,
  sessionTimeoutMs: 6000,
  rebalanceDelayMs: 0,
  ...JSON.parse(config),
})
for (const name of ['assigned', 'revoked']) consumer.on(name, (event) => say(name, event))
await consumer.subscribe({
  handler: (record) => say('handled', { value: record.message.value, partition: record.partition }),
})
say('subscribed')

const words = createInterface({ input: process.stdin })
for await (const word of words) {
  const [verb, milliseconds] = word.split(' ')
  if (verb === 'close') break
  if (verb === 'block') {
    const until = Date.now() + Number(milliseconds)
    while (Date.now() < until);
    say('unblocked')
  }
}
await broker.disconnect()
say('closed')
