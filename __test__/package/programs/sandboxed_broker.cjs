// Runs in a sandbox: what comes from elsewhere is of other classes than those that stand here.
const { MongoClient } = require('mongodb')
const { ChangeStreamBroker, ChangeStreamBrokerError } = require('../../..')

class OrdersBroker extends ChangeStreamBroker {}

/** Resolves to what is wrong, as texts. */
exports.checkBroker = async ({ uri, database, topic }) => {
  const broker = new OrdersBroker({ mongoUri: uri, database })
  const client = new MongoClient(uri)
  await Promise.all([broker.connect(), client.connect()])
  await broker.createTopic({ name: topic, collection: topic, partitions: 1, retentionMs: 86_400_000 })
  const { received, errors } = await sendAndReceive(broker, client, topic)
  const refused = await broker.createTopic({ name: topic, partitions: 0 }).catch((error) => error)
  await broker.disconnect() // first: the last transaction is committed through the client
  await client.close()
  const late = await broker.createProducer({ topic, partitions: 1, retentionMs: 86_400_000 }).catch((error) => error)

  const [record] = received
  const claims = {
    'a Date in a value': record.message.value.at instanceof Date && record.message.value.at.getTime() === 5,
    'the timestamp': record.message.timestamp instanceof Date,
    'a list': Array.isArray(record.message.value.list) && record.message.value.list[0] === 1,
    bytes: record.message.value.bytes._bsontype === 'Binary',
    'the order': received.map(({ message }) => message.value.n).join() === '0,0,1',
    'what the handler threw': errors.length === 1 && errors[0] instanceof TypeError,
    'an error of the core': isOurs(refused, 'ERR_CSB_INVALID_CONFIG'),
    'an error without a connection': isOurs(late, 'ERR_CSB_NOT_CONNECTED'),
  }
  return Object.keys(claims).filter((claim) => !claims[claim])
}

function isOurs(error, code) {
  return error instanceof Error && error instanceof ChangeStreamBrokerError && error.code === code
}

/** Two messages, one of them in a transaction; the first fails once. */
async function sendAndReceive(broker, client, topic) {
  const received = []
  const errors = []
  const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 86_400_000 })
  const consumer = await broker.createConsumer({ topic, groupId: 'sandboxed' })
  const all = new Promise((resolve, reject) => {
    consumer.on('error', reject)
    consumer
      .subscribe({
        transactional: { client },
        retryDelay: 0,
        handler: async (record) => {
          received.push(record)
          if (errors.length === 0) throw new TypeError('once')
          if (record.message.value.n === 1) resolve()
        },
        errorHandler: async (error) => {
          errors.push(error)
        },
      })
      .then(() => send(producer, client))
      .catch(reject)
  })
  await all
  return { received, errors }
}

async function send(producer, client) {
  const value = { n: 0, at: new Date(5), bytes: Buffer.from('abc'), list: [1] }
  await producer.send({ value, key: 'k', headers: { h: 'x' }, timestamp: new Date(7) })
  await client.withSession((session) =>
    session.withTransaction(() => producer.send({ value: { n: 1 }, key: 'k' }, { session })),
  )
}
