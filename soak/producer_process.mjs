// One producer of the soak run: sends at a steady rate and says what became of each message. Started by member.mjs.
import broker from '@dafaz/change-stream-broker'
import { record } from './history_lines.mjs'

const { name, uri, database, topic, partitions, keys, perSecond } = JSON.parse(process.argv[2])
const TICK_MS = 20

const service = new broker.ChangeStreamBroker({
  mongoUri: uri,
  database,
  autoCreateTopics: true,
  logLevel: 'ERROR',
  logContext: name,
})
const underWay = new Set()
let last = 0
let debt = 0
let timer

async function send(producer) {
  last += 1
  const value = `${name}-${last}`
  const key = `${name}-${last % keys}`
  record({ member: name, kind: 'sendBegun', value, key })
  try {
    await producer.send({ key, value: { value, key } })
    record({ member: name, kind: 'sendAcknowledged', value })
  } catch (error) {
    const kind = error.status === 'notWritten' ? 'sendNotWritten' : 'sendUnknown'
    record({ member: name, kind, value, code: error.code })
  }
}

function tick(producer) {
  for (debt += (perSecond * TICK_MS) / 1000; debt >= 1; debt -= 1) {
    const sending = send(producer)
    underWay.add(sending)
    sending.finally(() => underWay.delete(sending))
  }
}

async function close() {
  clearInterval(timer)
  await Promise.all(underWay)
  await service.disconnect()
  record({ member: name, kind: 'memberEnded' })
  process.disconnect()
}

process.on('SIGINT', () => {}) // a Ctrl-C is for the parent
process.once('disconnect', () => process.exit())
process.on('message', ({ order }) => order === 'close' && close())

await service.connect()
const producer = await service.createProducer({
  topic,
  partitions,
  retentionMs: 24 * 60 * 60 * 1000,
  partitionStrategy: 'hash',
})
timer = setInterval(() => tick(producer), TICK_MS)
process.send({ ready: true })
