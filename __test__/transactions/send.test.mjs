// Sending within the user's own transaction: the message exists if and only if the transaction commits.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'bson'
import mongoose from 'mongoose'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { rejectsWith } from '../support/assert_error.mjs'
import { drivers } from '../support/client_drivers.mjs'
import { Inbox, passes, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('transactional_send')
let broker
before(async () => {
  broker = await test.broker()
})

/** A topic with a producer, and everything that a consumer got. */
async function topicWith({ partitions = 1, topic = uniqueTopic() } = {}) {
  const producer = await broker.createProducer(producerConfig(topic, partitions))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  const received = new Inbox()
  await consumer.subscribe({ handler: async ({ message, partition }) => received.push({ ...message, partition }) })
  const stored = () => test.db.collection(`${topic}_p0`).countDocuments()
  return { topic, producer, received, stored }
}

const values = (inbox) => inbox.items.map(({ value }) => value.n)

async function inTransaction(client, run) {
  const session = client.startSession()
  try {
    session.startTransaction()
    const outcome = await run(session)
    await session.commitTransaction()
    return outcome
  } finally {
    await session.endSession()
  }
}

for (const { name, connect } of drivers) {
  describe(`with ${name}`, () => {
    let client
    before(async () => {
      client = await connect(test.uri)
    })
    after(() => client.close())

    it('a message and a document are there together, or neither is', async () => {
      const { topic, producer, received, stored } = await topicWith()
      const orders = client.db(test.database).collection('orders')
      await inTransaction(client, async (session) => {
        await orders.insertOne({ _id: `${topic}-1` }, { session })
        await producer.send({ key: 'a', value: { n: 1 }, headers: { source: 'test' } }, { session })
        assert.equal(await stored(), 0, 'nobody sees it before the commit')
      })
      const session = client.startSession()
      session.startTransaction()
      await orders.insertOne({ _id: `${topic}-2` }, { session })
      await producer.send([{ value: { n: 2 } }, { value: { n: 3 } }], { session })
      await session.abortTransaction()
      await session.endSession()
      await producer.send({ value: { n: 4 } })
      await received.received(2)
      assert.deepEqual(values(received), [1, 4])
      assert.deepEqual([received.items[0].key, received.items[0].headers], ['a', { source: 'test' }])
      assert.equal(await orders.countDocuments({ _id: { $in: [`${topic}-1`, `${topic}-2`] } }), 1)
    })

    it('a message arrives exactly as one that was sent without a transaction', async () => {
      const { producer, received } = await topicWith()
      const value = {
        n: 1,
        double: new Double(1),
        int: new Int32(1),
        long: Long.fromNumber(5),
        big: 2 ** 40,
        at: new Date(5),
        id: new ObjectId(),
        bytes: new Binary(Buffer.from('x'), 5),
        decimal: Decimal128.fromString('1.10'),
        when: new Timestamp({ t: 1, i: 2 }),
        nothing: null,
        pattern: /a/i,
        list: [1, 'a', { b: true }],
      }
      const message = { key: 'k', value, headers: { h: Long.fromNumber(1) }, timestamp: new Date(7e11) }
      await producer.send({ ...message, timestamp: new Date() })
      const sent = { ...message, timestamp: new Date() }
      await inTransaction(client, (session) => producer.send(sent, { session }))
      const [plain, transactional] = await received.received(2)
      assert.deepEqual(transactional.value, plain.value)
      assert.deepEqual(transactional.headers, plain.headers)
      assert.deepEqual(transactional.timestamp, sent.timestamp)
    })
  })
}

describe('in a transaction', () => {
  it('of Mongoose, with its withTransaction', async () => {
    const { producer, received } = await topicWith()
    const connection = await mongoose.createConnection(test.uri, { dbName: test.database }).asPromise()
    const Order = connection.model('Order', new mongoose.Schema({ number: Number }))
    await Order.createCollection()
    try {
      await connection.transaction(async (session) => {
        await Order.create([{ number: 1 }], { session })
        await producer.send({ value: { n: 1 } }, { session })
      })
      const broken = connection.transaction(async (session) => {
        await Order.create([{ number: 2 }], { session })
        await producer.send({ value: { n: 2 } }, { session })
        throw new Error('no')
      })
      await assert.rejects(broken, /^Error: no$/)
      await producer.send({ value: { n: 3 } })
      await received.received(2)
      assert.deepEqual(values(received), [1, 3])
      assert.deepEqual(await Order.distinct('number'), [1])
    } finally {
      await connection.close()
    }
  })

  it('all partitions get theirs in the order of the sends, also of those that nobody awaits', async () => {
    const { producer, received } = await topicWith({ partitions: 3 })
    await inTransaction(test.client, async (session) => {
      const sends = Array.from({ length: 20 }, (_, n) =>
        producer.send([{ key: `key-${n % 5}`, value: { n } }], { session }),
      )
      await Promise.all(sends)
    })
    await received.received(20)
    for (let key = 0; key < 5; key++) {
      const ofKey = received.items.filter((message) => message.key === `key-${key}`)
      assert.deepEqual(
        ofKey.map(({ value }) => value.n),
        [0, 5, 10, 15].map((n) => n + key),
      )
    }
  })

  it('more than one command holds, and a message that is as large as one may be', async () => {
    const { topic, producer, stored } = await topicWith()
    const many = Array.from({ length: 20 }, (_, n) => ({ value: { n, text: 'x'.repeat(1 << 20) } }))
    const largest = { value: { n: 20, text: 'x'.repeat((16 << 20) - 1024) } }
    await inTransaction(test.client, (session) => producer.send([...many, largest], { session }))
    assert.equal(await stored(), 21)
    const numbers = await test.db
      .collection(`${topic}_p0`)
      .find({}, { projection: { n: 1 } })
      .sort({ _id: 1 })
      .toArray()
    assert.deepEqual(
      numbers.map(({ n }) => n),
      Array.from({ length: 21 }, (_, n) => n),
    )
  })

  it('the order is that of the commits', async () => {
    const { producer, received } = await topicWith()
    const first = test.client.startSession()
    const second = test.client.startSession()
    for (const session of [first, second]) session.startTransaction()
    await producer.send({ value: { n: 1 } }, { session: first })
    await producer.send({ value: { n: 2 } }, { session: second })
    await second.commitTransaction()
    await received.received(1)
    await producer.send({ value: { n: 3 } })
    await received.received(2)
    await first.commitTransaction()
    await received.received(3)
    assert.deepEqual(values(received), [2, 3, 1], 'an open transaction delays only itself')
    await Promise.all([first.endSession(), second.endSession()])
  })

  it('a messageId that is stored already is no error, nor one that stands there twice', async () => {
    const { producer, received, stored } = await topicWith()
    await producer.send({ value: { n: 1 }, messageId: 'one' })
    await inTransaction(test.client, async (session) => {
      await producer.send({ value: { n: 2 }, messageId: 'one' }, { session })
      await producer.send(
        [2, 3, 2].map((id) => ({ value: { n: id }, messageId: `id-${id}` })),
        { session },
      )
      await producer.send({ value: { n: 4 }, messageId: 'id-3' }, { session })
    })
    await received.received(3)
    assert.deepEqual([values(received), await stored()], [[1, 2, 3], 3])
  })

  it('a messageId that somebody else stores meanwhile makes withTransaction try again', async () => {
    const { producer, received, stored } = await topicWith()
    const { fire, fired } = signal()
    let calls = 0
    await test.client.withSession((session) =>
      session.withTransaction(async () => {
        calls += 1
        await test.db.collection('effects').insertOne({ calls }, { session })
        if (calls === 1) {
          await producer.send({ value: { n: 1 }, messageId: 'raced' })
          fire()
        }
        await fired
        await producer.send({ value: { n: 2 }, messageId: 'raced' }, { session })
      }),
    )
    await received.received(1)
    assert.deepEqual([calls, values(received), await stored()], [2, [1], 1])
  })

  it('nothing is written if one of the messages cannot be stored', async () => {
    const { producer, stored } = await topicWith()
    await inTransaction(test.client, async (session) => {
      await rejectsWith(producer.send([{ value: 1 }, {}], { session }), 'ERR_CSB_INVALID_MESSAGE')
      const large = [{ value: 1 }, { value: 'x'.repeat(16 << 20) }]
      await rejectsWith(producer.send(large, { session }), 'ERR_CSB_MESSAGE_TOO_LARGE')
      await producer.send([], { session })
    })
    assert.equal(await stored(), 0)
  })

  it('null and undefined are no session', async () => {
    const { producer, received } = await topicWith()
    await producer.send({ value: { n: 1 } }, { session: null })
    await producer.send({ value: { n: 2 } }, {})
    await producer.send({ value: { n: 3 } }, null)
    await received.received(3)
    assert.deepEqual(values(received), [1, 2, 3])
  })
})

describe('refuses', () => {
  it('what is no session with a transaction under way', async () => {
    const { producer } = await topicWith()
    const session = test.client.startSession()
    const send = (given) => producer.send({ value: 1 }, { session: given })
    for (const given of [{}, 'session', 5, true]) {
      const error = await rejectsWith(send(given), 'ERR_CSB_BAD_SESSION')
      assert.equal(error.status, 'notWritten')
    }
    assert.match((await rejectsWith(send(session), 'ERR_CSB_BAD_SESSION')).message, /startTransaction/)
    session.startTransaction()
    await send(session)
    await session.commitTransaction()
    await rejectsWith(send(session), 'ERR_CSB_BAD_SESSION')
    await session.endSession()
    assert.match((await rejectsWith(send(session), 'ERR_CSB_BAD_SESSION')).message, /has ended/)
    await rejectsWith(producer.send({ value: 1 }, 'session'), 'ERR_CSB_INVALID_CONFIG')
  })

  it('to store what the transaction did not wait for', async () => {
    const { producer, stored } = await topicWith()
    const session = test.client.startSession()
    session.startTransaction()
    await producer.send({ value: 1 }, { session })
    const late = producer.send({ value: 2, messageId: 'late' }, { session }).catch((error) => error)
    await session.abortTransaction()
    await late
    await session.endSession()
    assert.equal(await stored(), 0)
  })

  for (const { name, connect } of drivers) {
    it(`to store what the transaction did not wait for, while the driver waits for a connection: ${name}`, async () => {
      const { producer, stored } = await topicWith()
      const uri = new URL(test.uri)
      uri.searchParams.set('maxPoolSize', '1')
      const client = await connect(uri.href)
      try {
        for (let round = 0; round < 10; round++) {
          const session = client.startSession()
          session.startTransaction()
          await producer.send({ value: 1 }, { session })
          const late = producer.send({ value: 2 }, { session })
          await session.abortTransaction()
          await rejectsWith(late, 'ERR_CSB_BAD_SESSION')
          await session.endSession()
        }
        assert.equal(await stored(), 0)
      } finally {
        await client.close()
      }
    })

    it(`what the collection does not take, and the transaction is over: ${name}`, async () => {
      const { topic, producer, stored } = await topicWith()
      const validator = { n: { $lt: 10 } }
      await test.db.command({ collMod: `${topic}_p0`, validator })
      const client = await connect(test.uri)
      try {
        const send = (n) =>
          inTransaction(client, (session) => producer.send([{ value: { n: 1 } }, { value: { n } }], { session }))
        const error = await rejectsWith(send(10), 'ERR_CSB_INVALID_MESSAGE')
        assert.deepEqual([error.status, await stored()], ['notWritten', 0])
        await send(9)
        assert.equal(await stored(), 2)
      } finally {
        await client.close()
      }
    })
  }

  it('a session of another deployment', async () => {
    const { producer } = await topicWith()
    const other = await startReplicaSet({})
    const [{ connect }] = drivers
    const client = await connect(other.uri)
    try {
      await inTransaction(client, async (session) => {
        const error = await rejectsWith(producer.send({ value: 1 }, { session }), 'ERR_CSB_BAD_SESSION', {
          within: 60_000,
        })
        assert.match(error.message, /another deployment/)
      })
    } finally {
      await client.close()
      await other.stop()
    }
  })

  it('a topic that does not exist yet, until it does', async () => {
    const strict = await test.broker({ autoCreateTopics: false, logLevel: 'SILENT' })
    const topic = uniqueTopic('missing')
    const producer = await strict.createProducer(producerConfig(topic))
    const send = () => inTransaction(test.client, (session) => producer.send({ value: 1 }, { session }))
    await rejectsWith(send(), 'ERR_CSB_TOPIC_NOT_FOUND')
    await strict.createTopic({ name: topic, collection: topic, partitions: 1, retentionMs: 3_600_000 })
    await send()
    await passes(async () => assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 1))
  })

  it('an embedded broker, and one that is disconnected', async () => {
    const embedded = await test.broker({ mongoUri: 'memory://transactions' })
    const producer = await embedded.createProducer(producerConfig('t'))
    await inTransaction(test.client, async (session) => {
      const send = () => producer.send({ value: 1 }, { session })
      await rejectsWith(send(), 'ERR_CSB_BAD_SESSION')
      await embedded.disconnect()
      await rejectsWith(send(), ['ERR_CSB_NOT_CONNECTED', 'ERR_CSB_CLOSED'])
    })
  })
})
