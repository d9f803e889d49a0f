// Two installed versions of the package in one process: each sends to a topic, and both receive everything of it. Arguments:
// folders of the two packages, connection string, database.
const [firstFolder, secondFolder, mongoUri, database] = process.argv.slice(2)

async function subscribed(folder) {
  const { ChangeStreamBroker, ChangeStreamBrokerError } = require(folder)
  const { version } = require(`${folder}/package.json`)
  const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
  await broker.connect()
  const producer = await broker.createProducer({ topic: 'shared', partitions: 2, retentionMs: 3_600_000 })
  const consumer = await broker.createConsumer({ groupId: `group-${version}`, topic: 'shared' })
  const values = []
  let finish
  const received = new Promise((resolve) => {
    finish = resolve
  })
  await consumer.subscribe({
    handler: async ({ message }) => {
      values.push(message.value)
      if (values.length === 2) finish()
    },
  })
  return { version, broker, producer, values, received, ChangeStreamBroker, ChangeStreamBrokerError }
}

/** An error of one copy, as the other copy sees it. */
function isErrorOf(other, { ChangeStreamBroker }) {
  try {
    new ChangeStreamBroker({ mongoUri: 5 })
  } catch (error) {
    return error instanceof other.ChangeStreamBrokerError
  }
}

async function main() {
  const first = await subscribed(firstFolder)
  const second = await subscribed(secondFolder)
  for (const { producer, version } of [first, second]) await producer.send({ key: version, value: version })
  await Promise.all([first.received, second.received])
  await first.broker.disconnect()
  await second.broker.disconnect()
  console.log(
    JSON.stringify({
      received: [first, second].map(({ version, values }) => [version, values.sort()]),
      areSeparate: first.ChangeStreamBroker !== second.ChangeStreamBroker,
      knowErrorsOfEachOther: isErrorOf(first, second) && isErrorOf(second, first),
      addons: Object.keys(require.cache).filter((file) => file.endsWith('.node')).length,
    }),
  )
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
