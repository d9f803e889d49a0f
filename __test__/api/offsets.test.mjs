// What is committed and when; the OffsetStorage.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { OffsetStorage } from '../../index.js'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox, eventually } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('offsets')
const stored = test.db.collection('consumer_offsets')

let broker
before(async () => {
  broker = await test.broker()
})

async function setUp(consumerMore, handlerMore) {
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', consumerMore))
  const inbox = new Inbox()
  await consumer.subscribe({ handler: async (record) => inbox.push(record), ...handlerMore })
  return { topic, producer, consumer, inbox }
}

const isCommitted = (topic, record) => stored.findOne({ groupId: 'group', topic, 'offset._data': record.offset._data })

describe('commits', () => {
  it('autoCommit: the document has the form that 1.4.2 reads', async () => {
    const { topic, producer, inbox } = await setUp({}, { autoCommit: true })
    await producer.send({ value: 1 })
    const [record] = await inbox.received(1)
    const document = await eventually(() => isCommitted(topic, record), { what: 'the commit' })
    assert.deepEqual([document.groupId, document.topic, document.partition], ['group', topic, 0])
    assert.ok(document.timestamp instanceof Date && document.createdAt instanceof Date)
  })

  it('autoCommit false: nothing until commitOffsets(), which says whether there was something', async () => {
    const { topic, producer, consumer, inbox } = await setUp({ autoCommit: false }, { autoCommit: false })
    assert.equal(await consumer.commitOffsets(), false)
    await producer.send([1, 2].map((value) => ({ value, key: 'k' })))
    const [, record] = await inbox.received(2)
    await eventually(() => consumer.getOffsetInfo().lastProcessed?._data === record.offset._data)
    assert.deepEqual(consumer.getLastProcessedOffset(), record.offset)
    assert.equal(consumer.getOffsetInfo().hasUncommitted, true)
    assert.equal(consumer.getOffsetInfo().areOffsetsSynced, false)
    assert.equal(await isCommitted(topic, record), null)
    assert.equal(await consumer.commitOffsets(), true)
    assert.ok(await isCommitted(topic, record))
    assert.deepEqual(consumer.getOffsetInfo(), {
      lastProcessed: record.offset,
      lastCommitted: record.offset,
      hasUncommitted: false,
      areOffsetsSynced: true,
    })
    assert.equal(await consumer.commitOffsets(), false)
  })

  it('unsubscribe() commits what was handled, also with autoCommit false', async () => {
    const { topic, producer, consumer, inbox } = await setUp({ autoCommit: false }, { autoCommit: false })
    await producer.send({ value: 1 })
    const [record] = await inbox.received(1)
    await consumer.unsubscribe()
    assert.ok(await isCommitted(topic, record))
  })

  it('autoCommitIntervalMs commits within the interval, not at once', async () => {
    const { topic, producer, inbox } = await setUp(
      { autoCommit: true, autoCommitIntervalMs: 1_500 },
      { autoCommit: undefined },
    )
    const start = performance.now()
    await producer.send({ value: 1 })
    const [record] = await inbox.received(1)
    await eventually(() => isCommitted(topic, record), { what: 'the commit' })
    const took = performance.now() - start
    assert.ok(took < 30_000, `committed after ${took} ms`)
  })

  it('a slow batch is committed while it runs', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const started = new Inbox()
    let release
    const blocked = new Promise((resolve) => {
      release = resolve
    })
    await consumer.subscribe({
      handler: async (record) => {
        started.push(record)
        await new Promise((resolve) => setTimeout(resolve, 10))
        if (record.message.value === 9) await blocked
      },
      autoCommit: true,
    })
    await producer.send(Array.from({ length: 20 }, (_, value) => ({ value, key: 'k' })))
    const items = await started.received(10)
    await eventually(() => isCommitted(topic, items[8]), { what: 'the commit of the message before the blocked one' })
    release()
    await started.received(20)
  })

  it('before anything was handled', async () => {
    const { consumer } = await setUp()
    assert.equal(consumer.getLastProcessedOffset(), null)
    const info = consumer.getOffsetInfo()
    assert.deepEqual([info.lastProcessed, info.hasUncommitted], [null, false])
  })
})

describe('OffsetStorage', () => {
  const storage = new OffsetStorage(test.uri, test.database)
  const commit = (partition, data) => ({
    groupId: 'tool',
    topic: 'any',
    partition,
    offset: { _data: data },
    timestamp: new Date(1_700_000_000_000 + partition),
  })

  it('must be connected', async () => {
    assert.equal(storage.isConnected(), false)
    assert.deepEqual(storage.getConnectionInfo(), { database: test.database, collection: 'consumer_offsets' })
    for (const call of [
      () => storage.ensureConnected(),
      () => storage.getOffsets('g'),
      () => storage.commitOffset(commit(0, 'A')),
    ]) {
      const error = await rejectsWith(call(), 'ERR_CSB_NOT_CONNECTED')
      assert.match(error.message, /^OffsetStorage not connected/)
    }
    await storage.connect()
    await storage.ensureConnected()
    assert.equal(storage.isConnected(), true)
  })

  it('stores and reads offsets', async () => {
    assert.equal(await storage.getOffset('tool', 'any', 0), null)
    await storage.commitOffset(commit(0, '82AA'))
    assert.deepStrictEqual(await storage.getOffset('tool', 'any', 0), { _data: '82AA' })
    assert.equal(await storage.commitOffsetIfChanged(commit(0, '82AA')), false)
    assert.equal(await storage.commitOffsetIfChanged(commit(0, '82BB')), true)
    await storage.commitOffset(commit(1, '82CC'))
    assert.deepStrictEqual(await storage.getOffsets('tool'), [commit(1, '82CC'), commit(0, '82BB')])
    assert.deepStrictEqual(await storage.getOffsets('nobody'), [])
  })

  it('refuses a malformed commit', async () => {
    for (const bad of [
      undefined,
      { ...commit(0, 'A'), groupId: undefined },
      { ...commit(0, 'A'), partition: -1 },
      { ...commit(0, 'A'), timestamp: 'now' },
    ]) {
      await rejectsWith(storage.commitOffset(bad), 'ERR_CSB_INVALID_CONFIG')
    }
    await storage.disconnect()
    assert.equal(storage.isConnected(), false)
  })

  it('shows what a consumer has committed', async () => {
    const { topic, producer, consumer, inbox } = await setUp()
    await producer.send({ value: 1 })
    const [record] = await inbox.received(1)
    await consumer.unsubscribe()
    await storage.connect()
    assert.deepStrictEqual(await storage.getOffset('group', topic, 0), record.offset)
    await storage.disconnect()
  })
})
