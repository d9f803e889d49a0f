// Reports the memory of a process that is subscribed and has handled a message of each partition, and the connections
// that it holds, as the server counts them; with `bare`, the memory of a process that does nothing.
// Arguments: bare | subscribed uri database topic partitions appName.
const [mode, mongoUri, database, topic, count, appName] = process.argv.slice(2)
const partitions = Number(count)

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

if (mode === 'bare') {
  say({ rss: process.memoryUsage().rss })
} else {
  const { ChangeStreamBroker } = await import('../../../index.js')
  const broker = new ChangeStreamBroker({ mongoUri, database, appName, autoCreateTopics: true })
  await broker.connect()
  const producer = await broker.createProducer({
    topic,
    partitions,
    retentionMs: 3_600_000,
    partitionStrategy: 'round-robin',
  })
  const consumer = await broker.createConsumer({ groupId: 'group', topic })
  let handled = 0
  await new Promise((resolve, reject) => {
    const handler = async () => {
      handled += 1
      if (handled === partitions) resolve()
    }
    consumer
      .subscribe({ handler })
      .then(() => {
        return producer.send(Array.from({ length: partitions }, (_, n) => ({ value: { n, text: 'x'.repeat(200) } })))
      })
      .catch(reject)
  })
  const { rss } = process.memoryUsage()
  const { MongoClient } = await import('mongodb') // only now: the driver must not count
  const client = new MongoClient(mongoUri)
  const operations = await client
    .db('admin')
    .aggregate([
      { $currentOp: { allUsers: true, idleConnections: true } },
      { $match: { appName } },
      { $group: { _id: '$connectionId' } },
    ])
    .toArray()
  await client.close()
  await broker.disconnect()
  say({ rss, connections: operations.length })
}
