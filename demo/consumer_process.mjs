// One member of the group. Started by group_member.mjs, to which it reports what it handled.
import broker from '@dafaz/change-stream-broker'
import { now } from './clock.mjs'

const REPORT_MS = 100

const { uri, database, topic, groupId, partitions } = JSON.parse(process.argv[2])
const handled = []

function report() {
  if (handled.length > 0) process.send({ report: Float64Array.from(handled) })
  handled.length = 0
}

function handle({ partition, message: { value } }) {
  const handledAt = now()
  handled.push(partition, value.customer, value.number, handledAt, handledAt - value.sentAt)
}

process.on('SIGINT', () => {}) // a Ctrl-C is for the parent, which then stops the group
process.once('disconnect', () => process.exit(1)) // the parent died

const service = new broker.ChangeStreamBroker({
  mongoUri: uri,
  database,
  logLevel: 'WARN',
  logContext: `consumer ${process.pid}`,
})
await service.connect()
const consumer = await service.createConsumer({
  groupId,
  topic,
  partitions,
  autoCommit: true,
  autoCommitIntervalMs: 1000,
  fromBeginning: true,
  maxRetries: 3,
  retryDelayMs: 1000,
  enableOffsetMonitoring: false,
})
await consumer.subscribe({ handler: handle, errorHandler: (error) => console.error(error) })
const reporting = setInterval(report, REPORT_MS)
process.send({ ready: true })

process.once('message', async () => {
  await consumer.unsubscribe()
  clearInterval(reporting)
  report()
  await service.disconnect()
  process.removeAllListeners('disconnect')
  process.disconnect()
})
