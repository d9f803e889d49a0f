// A consumer of the reference package 1.4.2, in a process of its own: it cannot be stopped otherwise, because it
// reconnects after its own unsubscribe(). Prints a JSON line per record and ends when `count` are handled and the last
// offset is stored. Arguments: uri database topic group count resume|fromBeginning.
import peer from 'peer-1.4.2'

const [uri, database, topic, groupId, count, start] = process.argv.slice(2)
const storage = new peer.OffsetStorage(uri, database)
await storage.connect()
const config = {
  groupId,
  topic,
  partitions: [0],
  fromBeginning: start === 'fromBeginning',
  maxRetries: 3,
  retryDelayMs: 1000,
  enableOffsetMonitoring: false,
}
const consumer = new peer.ChangeStreamConsumer(config, storage, new peer.ConsumerGroupManager(), uri, database)
await consumer.connect()

const lines = []
let enough
const handled = new Promise((resolve) => {
  enough = resolve
})
const handler = async (record) => {
  // A handler that returned would have its message committed.
  if (lines.length === Number(count)) await new Promise(() => {})
  lines.push({ value: record.message.value, token: record.offset._data })
  if (lines.length === Number(count)) enough()
}
await consumer.subscribe({ handler, autoCommit: true })
await handled
const known = new Set(lines.map((line) => line.token))
while (!known.has((await storage.getOffset(groupId, topic, 0))?._data)) {
  await new Promise((resolve) => setTimeout(resolve, 10))
}
process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), () => process.exit(0))
