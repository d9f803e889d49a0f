// Transactions with access control: users that may do no more than they need.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox, passes } from '../support/eventually.mjs'

const database = 'broker'
const on = (collection, ...actions) => ({ resource: { db: database, collection }, actions })

/** As docs/mongodb.md has it. */
const roles = {
  // Sends within its own transactions; the topic is there.
  sender: [
    on('', 'find', 'insert'),
    { resource: { db: 'shop', collection: '' }, actions: ['find', 'insert', 'update'] },
  ],
  // Handles within its own transactions.
  handler: [
    on('consumer_offsets', 'find', 'update'),
    on('processed_messages', 'find', 'insert', 'update'),
    { resource: { db: 'shop', collection: '' }, actions: ['find', 'insert', 'update'] },
  ],
}

describe('with access control', () => {
  let set
  let root
  let broker
  const clients = {}

  before(async () => {
    set = await startReplicaSet({ auth: true })
    root = await MongoClient.connect(set.uri)
    broker = new ChangeStreamBroker({ mongoUri: set.uri, database, autoCreateTopics: true, logLevel: 'SILENT' })
    await broker.connect()
    for (const [name, privileges] of Object.entries(roles)) clients[name] = await connectAs(name, privileges)
    await root.db('shop').createCollection('orders')
    await root.db('shop').createCollection('invoices')
  })
  after(async () => {
    await broker.disconnect()
    for (const client of Object.values(clients)) await client.close()
    await root.close()
    await set.stop()
  })

  async function connectAs(name, privileges) {
    const admin = root.db('admin')
    await admin.command({ createRole: name, privileges, roles: [] })
    await admin.command({ createUser: name, pwd: 'secret', roles: [name] })
    const uri = new URL(set.uri)
    uri.username = name
    uri.password = 'secret'
    return await MongoClient.connect(uri.href)
  }

  it('a sender and a handler need their collections, and no more', async () => {
    const producer = await broker.createProducer({ topic: 'orders', partitions: 1, retentionMs: 3_600_000 })
    const consumer = await broker.createConsumer({ topic: 'orders', groupId: 'billing' })
    const handled = new Inbox()
    const invoices = clients.handler.db('shop').collection('invoices')
    await consumer.subscribe({
      transactional: { client: clients.handler },
      async handler({ message }, { session }) {
        await invoices.insertOne({ order: message.value.order }, { session })
        handled.push(message.value.order)
      },
    })
    await clients.sender.withSession((session) =>
      session.withTransaction(async () => {
        await clients.sender.db('shop').collection('orders').insertOne({ _id: 1 }, { session })
        await producer.send({ value: { order: 1 }, messageId: 'order-1' }, { session })
      }),
    )
    await handled.received(1)
    await passes(async () => assert.equal(await root.db('shop').collection('invoices').countDocuments({ order: 1 }), 1))
    await consumer.disconnect()
  })

  it('who may not insert is refused by the server, in the words of the driver', async () => {
    const producer = await broker.createProducer({ topic: 'orders', partitions: 1, retentionMs: 3_600_000 })
    const session = clients.handler.startSession()
    session.startTransaction()
    const error = await producer.send({ value: 1 }, { session }).catch((thrown) => thrown)
    assert.equal(error.codeName, 'Unauthorized')
    await session.endSession()
  })

  it('an effect that may not be written fails the handler', async () => {
    const producer = await broker.createProducer({ topic: 'forbidden', partitions: 1, retentionMs: 3_600_000 })
    const consumer = await broker.createConsumer({ topic: 'forbidden', groupId: 'billing', maxRetries: 0 })
    await consumer.subscribe({
      transactional: { client: clients.sender },
      handler: async () => {},
    })
    await producer.send({ value: 1 })
    // This user may not write offsets.
    await passes(async () => assert.equal(await consumer.deadLetters.count(), 1), { within: 60_000 })
    await consumer.disconnect()
  })

  it('a wrong user is told when it subscribes', async () => {
    const uri = new URL(set.uri)
    uri.password = 'wrong'
    const stranger = new MongoClient(uri.href, { serverSelectionTimeoutMS: 30_000 })
    const consumer = await broker.createConsumer({ topic: 'orders', groupId: 'other' })
    const error = await consumer
      .subscribe({ transactional: { client: stranger }, handler: async () => {} })
      .catch((thrown) => thrown)
    assert.equal(error.codeName, 'AuthenticationFailed')
    await stranger.close()
    await rejectsWith(consumer.subscribe({ transactional: {}, handler: async () => {} }), 'ERR_CSB_INVALID_CONFIG')
  })
})
