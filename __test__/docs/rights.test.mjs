// The roles of docs/mongodb.md, created as they stand there, allow what is said of them.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { MongoClient, ObjectId } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig } from '../support/test_database.mjs'

const database = 'change-stream-broker'
const HOUR = 3_600_000

/** What the `mongosh` commands under "Rights" would create. */
async function documentedRoles() {
  const page = await readFile(new URL('../../docs/mongodb.md', import.meta.url), 'utf8')
  const [, commands] = /\n## Rights\n.*?```js\n(.*?)```/s.exec(page)
  const roles = []
  const mongosh = {
    getSiblingDB(name) {
      assert.equal(name, database)
      return { createRole: (role) => roles.push(role) }
    },
  }
  new Function('db', commands)(mongosh)
  return roles
}

describe('a user with', () => {
  let set
  let root
  const brokers = []

  before(async () => {
    set = await startReplicaSet({ auth: true, setParameter: { enableTestCommands: 1 } })
    root = await MongoClient.connect(set.uri)
    const db = root.db(database)
    for (const { role, privileges, roles } of await documentedRoles()) {
      await db.command({ createRole: role, privileges, roles })
      await db.command({ createUser: role, pwd: 'secret', roles: [role] })
    }
    await db.command({ createUser: 'readWrite', pwd: 'secret', roles: ['readWrite'] })
    const creator = await connected('topicCreator')
    await creator.createTopic({ name: 'orders', partitions: 2, retentionMs: HOUR })
  })
  after(async () => {
    await Promise.all(brokers.map((broker) => broker.disconnect()))
    await root.close()
    await set.stop()
  })

  function uriOf(user) {
    const uri = new URL(set.uri)
    uri.username = user
    uri.password = 'secret'
    uri.searchParams.set('authSource', database)
    return uri.href
  }

  async function connected(user, config = {}) {
    const broker = new ChangeStreamBroker({ mongoUri: uriOf(user), appName: user, ...config })
    brokers.push(broker)
    await broker.connect()
    return broker
  }

  const offsets = () => root.db(database).collection('consumer_offsets')
  const offset = (groupId) => offsets().findOne({ groupId })

  async function sends(value) {
    const broker = await connected('sender')
    const producer = await broker.createProducer(producerConfig('orders', 2))
    await producer.send({ key: 'k', value })
  }

  it('topicCreator creates and changes topics, and sends nothing', async () => {
    const broker = await connected('topicCreator', { autoCreateTopics: true })
    const producer = await broker.createProducer(producerConfig('created', 1))
    await broker.createTopic({ name: 'created', partitions: 3, retentionMs: 2 * HOUR })
    await rejectsWith(producer.send({ value: 1 }), 'ERR_CSB_UNAUTHORIZED')
  })

  it('sender sends in every way, and creates no topics', async () => {
    const broker = await connected('sender')
    const producer = await broker.createProducer(producerConfig('orders', 2))
    await producer.send({ value: 1, messageId: 'one' })
    await producer.send({ value: 1, messageId: 'one' })
    await producer.send(
      [1, 2, 3, 4].map((n) => ({ key: `k${n}`, value: n })),
      { atomic: true },
    )
    const client = await MongoClient.connect(uriOf('sender'))
    await client.withSession((session) =>
      session.withTransaction(() => producer.send({ value: 5, messageId: 'five' }, { session })),
    )
    await client.close()
    await rejectsWith(broker.createTopic({ name: 'another', partitions: 1, retentionMs: HOUR }), 'ERR_CSB_UNAUTHORIZED')
  })

  it('receiver receives, buries, redrives, purges, resets and asks for the lag, and sends nothing', async () => {
    const broker = await connected('receiver')
    const consumer = await broker.createConsumer(consumerConfig('orders', 'billing', { maxRetries: 0 }))
    const seen = new Inbox()
    let isBroken = true
    await consumer.subscribe({
      handler: async ({ message, redriven }) => {
        seen.push(redriven ?? message.value)
        if (isBroken) throw new Error('no')
      },
      errorHandler: () => {},
    })
    await sends('bad')
    await passes(async () => assert.equal(await consumer.deadLetters.count(), 1))
    isBroken = false
    assert.equal(await consumer.deadLetters.redrive(), 1)
    await seen.first((item) => item === true)
    await passes(async () => assert.equal(await consumer.deadLetters.count(), 0))
    assert.equal(await consumer.deadLetters.purge({ all: true }), 0)
    assert.equal((await consumer.lag()).length, 2)
    await consumer.disconnect()
    assert.equal((await broker.resetOffsets({ groupId: 'billing', topic: 'orders', to: 'earliest' })).length, 2)
    const producer = await broker.createProducer(producerConfig('orders', 2))
    await rejectsWith(producer.send({ value: 1 }), 'ERR_CSB_UNAUTHORIZED')
  })

  it('receiver goes on in the middle of the stored history, and from a position that is lost', async () => {
    const creator = await connected('topicCreator')
    await creator.createTopic({ name: 'history', partitions: 1, retentionMs: HOUR })
    const halfAnHourAgo = Math.floor(Date.now() / 1000) - 1800
    // As 1.4.2 stored them, so long ago that the stream does not tell of them.
    const stored = Array.from({ length: 20 }, (_, n) => ({
      _id: new ObjectId(halfAnHourAgo.toString(16) + n.toString(16).padStart(16, '0')),
      n,
      _headers: {},
      _timestamp: new Date(halfAnHourAgo * 1000),
      _key: null,
      _partition: 0,
    }))
    await root.db(database).collection('history_p0').insertMany(stored)
    const warnings = new Inbox()
    const logger = { error: (text) => warnings.push(text), warn: (text) => warnings.push(text), log() {} }
    const broker = await connected('receiver', { logLevel: 'WARN', logger })
    const config = consumerConfig('history', 'archive', { fromBeginning: true })
    const seen = new Inbox()
    const first = await broker.createConsumer(config)
    await first.subscribe({
      handler: ({ message }) => {
        seen.push(message.value.n)
        if (seen.length === 3) first.disconnect()
      },
    })
    await passes(async () => assert.equal((await offset('archive')).owner, null))
    assert.deepEqual(seen.items, [0, 1, 2], 'it ended behind the third message')
    const second = await broker.createConsumer(config)
    await second.subscribe({ handler: ({ message }) => seen.push(message.value.n), errorHandler: assert.fail })
    await seen.received(20)
    const producer = await (await connected('sender')).createProducer(producerConfig('history', 1))
    await producer.send({ value: { n: 20 } })
    await seen.received(21)
    await second.disconnect()

    // What a server says whose oplog has rolled over.
    const data = { failCommands: ['aggregate'], errorCode: 286, appName: 'receiver' }
    const failing = (mode) => root.db('admin').command({ configureFailPoint: 'failCommand', mode, data })
    await failing('alwaysOn')
    const third = await broker.createConsumer(config)
    const recovered = new Inbox()
    third.on('recovered', (event) => recovered.push(event))
    await third.subscribe({ handler: ({ message }) => seen.push(message.value.n), errorHandler: assert.fail })
    await warnings.first((text) => text.includes('its position is lost'))
    await failing('off')
    await recovered.received(1)
    await third.disconnect()
  })

  it('transactionalReceiver has transactional handlers; receiver alone has not', async () => {
    const receive = async (user, groupId) => {
      const broker = await connected(user)
      const client = await MongoClient.connect(uriOf(user))
      const consumer = await broker.createConsumer(consumerConfig('orders', groupId))
      const seen = new Inbox()
      const subscribed = consumer.subscribe({ transactional: { client }, handler: async (record) => seen.push(record) })
      return { subscribed, seen, client }
    }
    const allowed = await receive('transactionalReceiver', 'invoices')
    await allowed.subscribed
    await sends('once')
    await allowed.seen.received(1)
    const processed = root.db(database).collection('processed_messages')
    await passes(async () => assert.equal(await processed.countDocuments({ '_id.groupId': 'invoices' }), 1))
    const refused = await receive('receiver', 'refused')
    await rejectsWith(refused.subscribed, 'ERR_CSB_UNAUTHORIZED')
    await Promise.all([allowed.client.close(), refused.client.close()])
  })

  it('readWrite does everything but change the retention of a topic', async () => {
    const broker = await connected('readWrite', { autoCreateTopics: true })
    const producer = await broker.createProducer(producerConfig('everything', 1))
    const consumer = await broker.createConsumer(consumerConfig('everything', 'all', { maxRetries: 0 }))
    await consumer.subscribe({ handler: () => Promise.reject(new Error('no')), errorHandler: () => {} })
    await producer.send({ value: 1 })
    await passes(async () => assert.equal(await consumer.deadLetters.count(), 1))
    assert.equal(await consumer.deadLetters.purge({ all: true }), 1)
    await broker.createTopic({ name: 'everything', partitions: 2, retentionMs: HOUR })
    const change = { name: 'everything', partitions: 2, retentionMs: 2 * HOUR }
    await rejectsWith(broker.createTopic(change), 'ERR_CSB_UNAUTHORIZED')
  })
})
