// Creating topics, and the TopicManager.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TopicManager } from '../../index.js'
import { rejectsWith } from '../support/assert_error.mjs'
import { producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('topics')
const DAY = 24 * 60 * 60 * 1000

const topicConfig = (name, partitions, retentionMs = DAY) => ({ name, collection: name, partitions, retentionMs })

async function ttlIndexOf(collection) {
  const indexes = await test.db.collection(collection).indexes()
  return indexes.find((index) => index.name === `ttl_${collection}_timestamp`)
}

describe('createTopic', () => {
  let broker
  before(async () => {
    broker = await test.broker()
  })

  it('writes the document and the partitions with their TTL index', async () => {
    const name = uniqueTopic('orders.created')
    await broker.createTopic(topicConfig(name, 3))
    const { _id, createdAt, updatedAt, ...rest } = await test.db.collection('topics').findOne({ name })
    assert.deepEqual(rest, topicConfig(name, 3))
    assert.ok(_id && createdAt instanceof Date && updatedAt instanceof Date)
    for (const partition of [0, 1, 2]) {
      const index = await ttlIndexOf(`${name}_p${partition}`)
      assert.deepEqual([index?.key, index?.expireAfterSeconds], [{ _timestamp: 1 }, DAY / 1000])
      assert.equal(await test.db.collection(`${name}_p${partition}`).countDocuments(), 0)
    }
    assert.equal(await ttlIndexOf(`${name}_p3`).catch(() => undefined), undefined)
  })

  it('twice, and concurrently, is as once', async () => {
    const name = uniqueTopic()
    await Promise.all([1, 2, 3].map(() => broker.createTopic(topicConfig(name, 2))))
    await broker.createTopic(topicConfig(name, 2))
    assert.equal(await test.db.collection('topics').countDocuments({ name }), 1)
  })

  it('adds partitions, never removes one', async () => {
    const name = uniqueTopic()
    await broker.createTopic(topicConfig(name, 1))
    await broker.createTopic(topicConfig(name, 4))
    assert.equal((await test.db.collection('topics').findOne({ name })).partitions, 4)
    assert.ok(await ttlIndexOf(`${name}_p3`))
    const error = await rejectsWith(broker.createTopic(topicConfig(name, 2)), 'ERR_CSB_TOPIC_MISMATCH')
    assert.equal(error.topic, name)
    assert.equal((await test.db.collection('topics').findOne({ name })).partitions, 4)
  })

  it('changes the retention', async () => {
    const name = uniqueTopic()
    await broker.createTopic(topicConfig(name, 2, DAY))
    await broker.createTopic(topicConfig(name, 2, 2 * DAY))
    assert.equal((await test.db.collection('topics').findOne({ name })).retentionMs, 2 * DAY)
    assert.equal((await ttlIndexOf(`${name}_p1`)).expireAfterSeconds, (2 * DAY) / 1000)
  })

  it('again creates what somebody has removed, or changed, since', async () => {
    const name = uniqueTopic()
    await broker.createTopic(topicConfig(name, 1))
    const topics = test.db.collection('topics')
    await topics.updateOne({ name }, { $set: { retentionMs: 2 * DAY } })
    await broker.createTopic(topicConfig(name, 1))
    assert.equal((await topics.findOne({ name })).retentionMs, DAY)
    await topics.deleteOne({ name })
    await broker.createTopic(topicConfig(name, 1))
    assert.equal(await topics.countDocuments({ name }), 1)
  })

  it('needs no collection name', async () => {
    const name = uniqueTopic()
    await broker.createTopic({ name, partitions: 1, retentionMs: DAY })
    assert.equal((await test.db.collection('topics').findOne({ name })).collection, name)
  })

  it('createProducer creates the topic with autoCreateTopics', async () => {
    const name = uniqueTopic()
    await broker.createProducer(producerConfig(name, 2, { retentionMs: DAY }))
    const topic = await test.db.collection('topics').findOne({ name })
    assert.deepEqual([topic.partitions, topic.retentionMs], [2, DAY])
  })

  it('without autoCreateTopics a producer writes as in 1.4.2, and creates no topic', async () => {
    const name = uniqueTopic()
    const manual = await test.broker({ autoCreateTopics: false })
    const producer = await manual.createProducer(producerConfig(name))
    await producer.send({ key: 'k', value: { a: 1 } })
    assert.equal(await test.db.collection(`${name}_p0`).countDocuments({ a: 1 }), 1)
    assert.equal(await test.db.collection('topics').countDocuments({ name }), 0)
  })
})

describe('TopicManager', () => {
  const manager = new TopicManager(test.uri, test.database)
  after(() => manager.disconnect())

  it('must be connected', async () => {
    assert.equal(manager.isConnected(), false)
    const error = await rejectsWith(manager.topicExists('x'), 'ERR_CSB_NOT_CONNECTED')
    assert.match(error.message, /^TopicManager not connected/)
    await manager.connect()
    await manager.connect()
    assert.equal(manager.isConnected(), true)
  })

  it('creates and finds topics', async () => {
    const name = uniqueTopic()
    assert.equal(await manager.topicExists(name), false)
    assert.equal(await manager.getTopicConfig(name), null)
    await manager.createTopic(topicConfig(name, 2))
    assert.equal(await manager.topicExists(name), true)
    assert.deepStrictEqual(await manager.getTopicConfig(name), topicConfig(name, 2))
  })

  it('shows and validates TTL indexes', async () => {
    const name = uniqueTopic()
    const collection = `${name}_p0`
    assert.equal(await manager.getTTLIndexInfo(collection), null)
    assert.equal((await manager.validateTTLIndex(collection)).isValid, false)
    await manager.createTopic(topicConfig(name, 1))
    assert.deepStrictEqual(await manager.getTTLIndexInfo(collection), {
      v: 2,
      key: { _timestamp: 1 },
      name: `ttl_${collection}_timestamp`,
      expireAfterSeconds: DAY / 1000,
    })
    await test.db.collection(collection).insertOne({ _timestamp: new Date(), a: 1 })
    const valid = await manager.validateTTLIndex(collection)
    assert.deepEqual([valid.isValid, valid.issues, valid.sampleDocument.a], [true, [], 1])
    await test.db.collection(collection).insertOne({ _timestamp: 'yesterday' })
    const invalid = await manager.validateTTLIndex(collection)
    assert.equal(invalid.isValid, false)
    assert.equal(invalid.issues.length, 1)
    const stats = await manager.getTTLIndexStats()
    const own = stats.find((entry) => entry.collection === collection)
    assert.deepEqual(
      [own.documentCount, own.hasTimestampField, own.indexInfo.name],
      [2, true, `ttl_${collection}_timestamp`],
    )
  })

  it('can be connected again after disconnect()', async () => {
    await manager.disconnect()
    await manager.disconnect()
    assert.equal(manager.isConnected(), false)
    await manager.connect()
    assert.equal(await manager.topicExists('none'), false)
  })

  it('rejects a malformed URI and an unreachable server on connect()', async () => {
    await rejectsWith(new TopicManager('nonsense').connect(), 'ERR_CSB_INVALID_CONFIG')
    const nobody = new TopicManager('mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=500')
    await rejectsWith(nobody.connect(), 'ERR_CSB_UNAVAILABLE')
    assert.equal(nobody.isConnected(), false)
    await nobody.disconnect()
  })
})
