// Arrays that are stored whole or not at all, and what a failed send says of each of its messages.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rejectsWith } from '../support/assert_error.mjs'
import { eventually, Inbox, inTime } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('atomic')
const PARTITIONS = 3
const RESENDING = fileURLToPath(new URL('./programs/resending_producer.mjs', import.meta.url))
let broker
before(async () => {
  broker = await test.broker({ logLevel: 'SILENT' })
})

async function topicWith(topic = uniqueTopic()) {
  const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
  const collections = Array.from({ length: PARTITIONS }, (_, n) => test.db.collection(`${topic}_p${n}`))
  const stored = async () => {
    const counts = await Promise.all(collections.map((collection) => collection.countDocuments()))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  return { topic, producer, collections, stored }
}

const messages = (count) => Array.from({ length: count }, (_, n) => ({ key: `key-${n}`, value: { n } }))

/** From now on the collection refuses what has `n` of 5. */
const refuseFive = (collection) =>
  test.db.command({ collMod: collection.collectionName, validator: { n: { $ne: 5 } }, validationLevel: 'strict' })

describe('atomic', () => {
  it('stores all messages, in every partition, behind what was sent before', async () => {
    const { topic, producer, collections, stored } = await topicWith()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const received = new Inbox()
    await consumer.subscribe({ handler: async (record) => received.push(record) })
    const earlier = producer.send(messages(10).map((message) => ({ ...message, value: { n: -1 } })))
    await producer.send(messages(30), { atomic: true })
    await earlier
    assert.equal(await stored(), 40)
    for (const collection of collections) assert.ok((await collection.countDocuments()) > 0)
    await received.received(40)
    for (let key = 0; key < 10; key++) {
      const ofKey = received.items.filter(({ message }) => message.key === `key-${key}`)
      assert.deepEqual(
        ofKey.map(({ message }) => message.value.n),
        [-1, key],
      )
    }
  })

  it('stores none if one of them is refused', async () => {
    const { producer, collections, stored } = await topicWith()
    await Promise.all(collections.map(refuseFive))
    const error = await producer.send(messages(30), { atomic: true }).catch((error) => error)
    assert.deepEqual([error.status, error.effect], ['notWritten', 'none'], error.stack)
    assert.equal(await stored(), 0)
  })

  it('leaves out what is stored already', async () => {
    const { producer, stored } = await topicWith()
    const some = messages(20).map((message, n) => ({ ...message, messageId: `id-${n}` }))
    await producer.send(some.slice(0, 5))
    await producer.send([...some, ...some], { atomic: true })
    await producer.send(some, { atomic: true })
    assert.equal(await stored(), 20)
  })

  it('is refused before anything is stored if a message or the option is wrong', async () => {
    const { producer, stored } = await topicWith()
    await rejectsWith(producer.send([{ value: 1 }, {}], { atomic: true }), 'ERR_CSB_INVALID_MESSAGE')
    await rejectsWith(producer.send([{ value: 1 }], { atomic: 'yes' }), 'ERR_CSB_INVALID_CONFIG')
    await producer.send([], { atomic: true })
    assert.equal(await stored(), 0)
  })

  it('is waited for by disconnect, of the producer and of the broker', async () => {
    const other = await test.broker({ logLevel: 'SILENT', appName: 'disconnecting' })
    const topic = uniqueTopic()
    const producer = await other.createProducer(producerConfig(topic, PARTITIONS))
    const settled = []
    const note = (name) => (promise) => promise.then(() => settled.push(name))
    const first = note('first')(producer.send(messages(500)))
    const second = note('second')(producer.send(messages(20), { atomic: true }))
    await producer.disconnect()
    settled.push('producer')
    await Promise.all([first, second])
    const again = await other.createProducer(producerConfig(topic, PARTITIONS))
    const third = again.send(messages(500))
    const fourth = again.send(messages(20), { atomic: true })
    await other.disconnect()
    await Promise.all([third, fourth])
    assert.deepEqual(settled, ['first', 'second', 'producer'])
  })

  it('works embedded', async () => {
    const embedded = await test.broker({ mongoUri: 'memory://atomic' })
    const producer = await embedded.createProducer(producerConfig('t', PARTITIONS))
    const consumer = await embedded.createConsumer(consumerConfig('t', 'group'))
    const received = new Inbox()
    await consumer.subscribe({ handler: async (record) => received.push(record) })
    await producer.send(messages(20), { atomic: true })
    await received.received(20)
  })
})

describe('a failed send', () => {
  it('says what became of each message', async () => {
    const { producer, collections, stored } = await topicWith()
    await Promise.all(collections.map(refuseFive))
    const error = await rejectsWith(producer.send(messages(10)), 'ERR_CSB_INVALID_MESSAGE')
    assert.deepEqual(
      error.statuses,
      messages(10).map(({ value }) => (value.n === 5 ? 'notWritten' : 'written')),
    )
    assert.deepEqual([error.status, await stored()], ['unknown', 9])
    const single = await rejectsWith(producer.send({ key: 'k', value: { n: 5 } }), 'ERR_CSB_INVALID_MESSAGE')
    assert.deepEqual([single.status, single.statuses], ['notWritten', ['notWritten']])
  })
})

describe('a producer that is killed', () => {
  it('sends the same ids again, and each message is there once', async (t) => {
    const { topic, stored } = await topicWith()
    const setting = { uri: test.uri, database: test.database, topic, partitions: PARTITIONS, count: 3000 }
    const start = async () => {
      const child = fork(RESENDING, [JSON.stringify(setting)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      const ended = once(child, 'close')
      await inTime(once(child, 'message'), 60_000, 'starting the producer')
      return { child, ended }
    }
    const counts = []
    for (let kill = 0; kill < 5; kill++) {
      const { child, ended } = await start()
      await eventually(async () => (await stored()) > kill * 300, { what: 'some messages' })
      child.kill('SIGKILL')
      await ended
      counts.push(await stored())
    }
    t.diagnostic(`stored after each kill: ${counts}`)
    const { ended } = await start()
    const [code] = await inTime(ended, 60_000, 'sending')
    assert.deepEqual([code, await stored()], [0, 3000])
  })
})
