// One consumer of the soak run: handles messages and says so. Started by member.mjs.
import broker from '@dafaz/change-stream-broker'
import { record } from './history_lines.mjs'

const { name, uri, database, topic, groupId, partitions, failureRate } = JSON.parse(process.argv[2])

const service = new broker.ChangeStreamBroker({
  mongoUri: uri,
  database,
  logLevel: 'ERROR',
  logContext: name,
  shutdownGraceMs: 20_000,
})

async function handle({ partition, offset, message }, { attempt, possibleDuplicate }) {
  const { value, key } = message.value
  const place = { partition, value, key, token: offset?._data }
  record({ member: name, kind: 'deliveryBegun', ...place, attempt, possibleDuplicate })
  if (Math.random() < failureRate) {
    record({ member: name, kind: 'deliveryFailed', partition, value })
    throw new Error('now and then')
  }
  record({ member: name, kind: 'deliveryFinished', partition, value })
}

async function close() {
  await service.disconnect()
  record({ member: name, kind: 'memberEnded' })
  process.disconnect()
}

process.on('SIGINT', () => {}) // a Ctrl-C is for the parent
process.once('disconnect', () => process.exit())
process.on('message', ({ order, milliseconds }) => {
  if (order === 'close') close()
  else if (order === 'block') blockEventLoop(milliseconds)
})

function blockEventLoop(milliseconds) {
  const end = Date.now() + milliseconds
  while (Date.now() < end);
}

await service.connect()
const consumer = await service.createConsumer({
  groupId,
  topic,
  partitions,
  fromBeginning: true,
  maxRetries: 1000,
  retryDelayMs: 50,
})
await consumer.subscribe({ autoCommit: true, handler: handle, errorHandler: () => {} })
record({ member: name, kind: 'subscribed' })
process.send({ ready: true })
