// A service whose handler ends its own process at the message "fatal", in the way it is told. Ends by itself as soon as
// that message is a dead letter and all others are handled, by this process or an earlier one.
// Arguments: how uri database topic maxRetries concurrency, values still to be handled (JSON).
import { writeSync } from 'node:fs'
import { ChangeStreamBroker } from '../../../index.js'

const [how, mongoUri, database, topic, maxRetries, concurrency, values] = process.argv.slice(2)
// Synchronous: what is in a pipe's buffer is lost with the process.
const say = (event, more) => writeSync(1, `${JSON.stringify({ event, ...more })}\n`)

const ways = {
  exit: () => process.exit(1),
  abort: () => process.abort(),
  SIGKILL: () => process.kill(process.pid, 'SIGKILL'),
  crash: () => setTimeout(() => undefined.notThere, 0),
}
const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
await broker.connect()
const consumer = await broker.createConsumer({ groupId: 'group', topic, fromBeginning: true })
const missing = new Set([...JSON.parse(values), 'dead letter'])
let finish
const finished = new Promise((resolve) => {
  finish = resolve
})
function got(value) {
  missing.delete(value)
  if (missing.size === 0) finish()
}
consumer.on('deadLettered', () => got('dead letter'))
const handler = async ({ message }, { attempt }) => {
  if (message.value === 'fatal') {
    say('attempt', { attempt })
    ways[how]()
    await new Promise(() => {})
  }
  say('handled', { value: message.value })
  got(message.value)
}
await consumer.subscribe({ handler, maxRetries: Number(maxRetries), retryDelay: 1, concurrency: Number(concurrency) })
await finished
await broker.disconnect()
