// A commit of which nobody knows whether it went through, and a process that dies in the middle of one.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { Inbox, inTime, passes } from '../support/eventually.mjs'

const database = 'lost_answers'
const PROGRAM = fileURLToPath(new URL('./programs/dies_committing.mjs', import.meta.url))
/** Less than the minute after which the server would end the transaction by itself. */
const TAKEN_OVER_WITHIN = 35_000

describe('a commit whose answer is lost', () => {
  let set
  let client
  let broker
  let topics = 0
  before(async () => {
    set = await startReplicaSet({ setParameter: { enableTestCommands: 1 } })
    client = await MongoClient.connect(set.uri)
    broker = new ChangeStreamBroker({ mongoUri: set.uri, database, autoCreateTopics: true, logLevel: 'SILENT' })
    await broker.connect()
  })
  after(async () => {
    await broker?.disconnect()
    await client?.close()
    await set?.stop()
  })

  /** The driver tries once more by itself, so it has to fail twice. */
  const failCommits = (data) =>
    client.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times: 2 },
      data: { failCommands: ['commitTransaction'], ...data },
    })

  async function topicWith() {
    const topic = `topic-${++topics}`
    const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })
    const effects = await client.db(database).createCollection(`effects-${topics}`)
    const consumer = await broker.createConsumer({ topic, groupId: 'group' })
    const calls = []
    const errors = []
    const subscription = {
      transactional: { client },
      maxRetries: 0,
      errorHandler: (error) => errors.push(error),
      async handler({ message }, { session }) {
        calls.push(message.value.n)
        await effects.insertOne({ n: message.value.n }, { session })
      },
    }
    const stored = async () => (await effects.find().sort({ _id: 1 }).toArray()).map(({ n }) => n)
    return { topic, producer, consumer, subscription, calls, errors, stored }
  }

  it('is found to have gone through: the handler is not called again', async () => {
    const { producer, consumer, subscription, calls, errors, stored } = await topicWith()
    await consumer.subscribe(subscription)
    // Done, but not acknowledged.
    await failCommits({ writeConcernError: { code: 91, errmsg: 'shutting down' } })
    await producer.send([1, 2, 3].map((n) => ({ value: { n } })))
    await passes(async () => assert.deepEqual(await stored(), [1, 2, 3]))
    assert.deepEqual([calls, errors], [[1, 2, 3], []])
    await passes(() => assert.equal(consumer.getOffsetInfo().hasUncommitted, false))
  })

  it('is found not to have gone through: the handler is called again, and nothing is counted', async () => {
    const { producer, consumer, subscription, calls, errors, stored } = await topicWith()
    await consumer.subscribe(subscription)
    await failCommits({ closeConnection: true })
    await producer.send([1, 2].map((n) => ({ value: { n } })))
    await passes(async () => assert.deepEqual(await stored(), [1, 2]), { within: 90_000 })
    assert.deepEqual([calls, errors], [[1, 1, 2], []])
  })

  it('with its process: the next member does not wait for the server to end the transaction', async () => {
    const { topic, producer, consumer, subscription, stored } = await topicWith()
    const setting = { uri: set.uri, database, topic, groupId: 'group', effects: `effects-${topics}` }
    const member = fork(PROGRAM, [JSON.stringify(setting)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    await inTime(once(member, 'message'), 60_000, 'starting the member')
    const died = once(member, 'close')
    await producer.send({ value: { n: 1 } })
    const [, signal] = await inTime(died, 60_000, 'the member')
    assert.equal(signal, 'SIGKILL')
    const handled = new Inbox()
    const { handler } = subscription
    await consumer.subscribe({
      ...subscription,
      handler: async (record, context) => {
        await handler(record, context)
        handled.push(record)
      },
    })
    await handled.received(1, { within: TAKEN_OVER_WITHIN })
    await passes(async () => assert.deepEqual(await stored(), [1]))
  })
})
