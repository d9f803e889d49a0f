// Transactional handlers: effects and offset are committed together.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { rejectsWith } from '../support/assert_error.mjs'
import { drivers } from '../support/client_drivers.mjs'
import { eventually, Inbox, passes, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('transactional_handler')
let broker
before(async () => {
  broker = await test.broker({ logLevel: 'ERROR' })
})

const consumers = []
async function topicWith({ topic = uniqueTopic(), partitions = 1, consumer: config = {} } = {}) {
  const producer = await broker.createProducer(producerConfig(topic, partitions))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', config))
  consumers.push(consumer)
  const effects = test.db.collection(`${topic}_effects`)
  await test.db.createCollection(effects.collectionName)
  const stored = async () => (await effects.find().sort({ n: 1 }).toArray()).map(({ n }) => n)
  return { topic, producer, consumer, effects, stored }
}

const offsetOf = (topic) => test.db.collection('consumer_offsets').findOne({ topic, groupId: 'group' })
const numbers = (count, from = 0) => Array.from({ length: count }, (_, n) => ({ key: 'k', value: { n: from + n } }))
const processed = (topic) => test.db.collection('processed_messages').countDocuments({ '_id.topic': topic })

for (const { name, connect } of drivers) {
  describe(`with ${name}`, { timeout: 120_000 }, () => {
    let client
    before(async () => {
      client = await connect(test.uri)
    })
    after(async () => {
      // Their transactions are the client's.
      await Promise.all(consumers.splice(0).map((consumer) => consumer.disconnect()))
      await client.close()
    })

    it('effects and offset become visible together, one record at a time', async () => {
      const { topic, producer, consumer, effects, stored } = await topicWith()
      const mine = client.db(test.database).collection(effects.collectionName)
      const seen = []
      await consumer.subscribe({
        transactional: { client },
        async handler({ message }, { session }) {
          await mine.insertOne({ n: message.value.n }, { session })
          seen.push([message.value.n, (await stored()).length])
        },
      })
      await producer.send(numbers(10))
      await passes(async () => assert.equal((await stored()).length, 10))
      assert.deepEqual(
        seen,
        Array.from({ length: 10 }, (_, n) => [n, n]),
        'each sees the effects of those before it, and nobody its own before the commit',
      )
      const { position } = await offsetOf(topic)
      assert.ok(position.token, 'committed')
      assert.deepEqual(consumer.getOffsetInfo().hasUncommitted, false)
      assert.equal(await processed(topic), 10)
    })

    it('a batch is one transaction; of one that fails in part the rest is committed', async () => {
      const { producer, consumer, effects, stored } = await topicWith()
      const mine = client.db(test.database).collection(effects.collectionName)
      const sizes = []
      let failedOnce = false
      await consumer.subscribe({
        transactional: { client },
        retryDelay: 1,
        batch: { maxMessages: 50, lingerMs: 200 },
        async batchHandler(records, { session }) {
          sizes.push(records.length)
          const failed = failedOnce ? [] : records.filter(({ message }) => message.value.n === 3)
          failedOnce = true
          const good = records.filter((record) => !failed.includes(record))
          if (good.length > 0)
            await mine.insertMany(
              good.map(({ message }) => ({ n: message.value.n })),
              { session },
            )
          return { failed: failed.map((record) => ({ record, error: new Error('later') })) }
        },
      })
      await producer.send(numbers(20))
      await passes(async () => assert.equal((await stored()).length, 20))
      assert.deepEqual(
        await stored(),
        Array.from({ length: 20 }, (_, n) => n),
      )
      assert.ok(sizes[0] > 1, `batches of ${sizes}`)
    })
  })
}

describe('a transactional handler', () => {
  it('that throws leaves nothing behind, and is called again', async () => {
    const { producer, consumer, effects, stored } = await topicWith()
    const errors = []
    await consumer.subscribe({
      transactional: { client: test.client },
      maxRetries: 5,
      retryDelay: 1,
      errorHandler: (error, record, { attempt }) => errors.push([error.message, record.message.value.n, attempt]),
      async handler({ message }, { session, attempt }) {
        await effects.insertOne({ n: message.value.n, attempt }, { session })
        if (attempt < 3) throw new Error(`attempt ${attempt}`)
      },
    })
    await producer.send(numbers(2))
    await passes(async () => assert.deepEqual(await stored(), [0, 1]))
    assert.deepEqual(await effects.distinct('attempt'), [3])
    assert.deepEqual(errors, [
      ['attempt 1', 0, 1],
      ['attempt 2', 0, 2],
      ['attempt 1', 1, 1],
      ['attempt 2', 1, 2],
    ])
  })

  it('goes on behind a record that is given up', async () => {
    const { producer, consumer, effects, stored } = await topicWith()
    await consumer.subscribe({
      transactional: { client: test.client },
      maxRetries: 0,
      retryDelay: 1,
      async handler({ message }, { session }) {
        await effects.insertOne({ n: message.value.n }, { session })
        if (message.value.n === 1) throw new Error('never')
      },
    })
    await producer.send(numbers(3))
    await passes(async () => assert.deepEqual(await stored(), [0, 2]))
    assert.equal(await consumer.deadLetters.count(), 1)
  })

  it('is called again after a conflict, without an attempt being counted', async () => {
    const { producer, consumer, effects, stored } = await topicWith()
    await effects.insertOne({ _id: 'contended', n: -1, times: 0 })
    const attempts = []
    await consumer.subscribe({
      transactional: { client: test.client },
      maxRetries: 0,
      async handler({ message }, { session, attempt }) {
        attempts.push(attempt)
        await effects.findOne({ _id: 'contended' }, { session })
        // Somebody else is faster.
        if (attempts.length <= 4) await effects.updateOne({ _id: 'contended' }, { $inc: { times: 1 } })
        await effects.updateOne({ _id: 'contended' }, { $inc: { times: 1 } }, { session })
        await effects.insertOne({ n: message.value.n }, { session })
      },
    })
    await producer.send(numbers(1))
    await passes(async () => assert.deepEqual(await stored(), [-1, 0]))
    assert.deepEqual(attempts, [1, 1, 1, 1, 1])
    assert.equal((await effects.findOne({ _id: 'contended' })).times, 5)
  })

  it('that is in its own way is given up in the end', async () => {
    const { producer, consumer, effects } = await topicWith()
    await effects.insertOne({ _id: 'contended', times: 0 })
    let calls = 0
    await consumer.subscribe({
      transactional: { client: test.client },
      maxRetries: 0,
      async handler(_, { session }) {
        calls += 1
        await effects.findOne({ _id: 'contended' }, { session })
        await effects.updateOne({ _id: 'contended' }, { $inc: { times: 1 } })
        await effects.updateOne({ _id: 'contended' }, { $inc: { times: 1 } }, { session })
      },
    })
    await producer.send(numbers(1))
    await eventually(async () => (await consumer.deadLetters.count()) === 1, { within: 60_000 })
    assert.ok(calls > 10, `${calls} calls`)
  })

  it('sends within its transaction: read, process, write', async () => {
    const { producer, consumer } = await topicWith()
    const results = await topicWith()
    const received = new Inbox()
    await results.consumer.subscribe({ handler: async ({ message }) => received.push(message.value.n) })
    const outgoing = results.producer
    const failed = new Set()
    await consumer.subscribe({
      transactional: { client: test.client },
      retryDelay: 1,
      async handler({ message }, { session }) {
        const { n } = message.value
        await outgoing.send([{ value: { n: n * 10 } }, { value: { n: n * 10 + 1 } }], { session })
        if (!failed.has(n)) {
          failed.add(n)
          throw new Error('once')
        }
      },
    })
    await producer.send(numbers(5))
    await received.received(10)
    await passes(async () => assert.equal(consumer.getOffsetInfo().hasUncommitted, false))
    assert.deepEqual(
      received.items,
      [0, 1, 2, 3, 4].flatMap((n) => [n * 10, n * 10 + 1]),
    )
  })

  it('that does not end in time is given up, and holds nothing', async () => {
    const { producer, consumer, effects, stored } = await topicWith()
    const { fire, fired } = signal()
    const zombies = []
    await consumer.subscribe({
      transactional: { client: test.client },
      handlerTimeoutMs: 50,
      retryDelay: 1,
      async handler({ message }, { session, attempt }) {
        await effects.insertOne({ _id: message.value.n, n: message.value.n, attempt }, { session })
        if (attempt > 1) return
        await fired
        // Outside of the transaction that it had, this would take effect at once.
        zombies.push(await effects.insertOne({ n: 99 }, { session }).catch((error) => error))
      },
    })
    await producer.send(numbers(1))
    await passes(async () => assert.deepEqual(await stored(), [0]), { within: 40_000 })
    assert.equal((await effects.findOne({})).attempt, 2)
    fire()
    await eventually(() => zombies.length === 1)
    assert.ok(zombies[0] instanceof Error, 'its session has ended')
    assert.deepEqual(await stored(), [0])
  })

  it('handles a redriven dead letter once, although its letter is still there', async () => {
    const { topic, producer, consumer, effects, stored } = await topicWith()
    let failing = true
    const handler = async ({ message }, { session }) => {
      await effects.insertOne({ n: message.value.n }, { session })
      if (failing) throw new Error('not today')
    }
    const subscription = { transactional: { client: test.client }, maxRetries: 0, retryDelay: 1, handler }
    await consumer.subscribe(subscription)
    await producer.send(numbers(1))
    await eventually(async () => (await consumer.deadLetters.count()) === 1)
    const letters = test.db.collection('dead_letters')
    const letter = await letters.findOne({ groupId: 'group', topic })
    failing = false
    await consumer.deadLetters.redrive()
    await eventually(async () => (await consumer.deadLetters.count()) === 0)
    assert.deepEqual(await stored(), [0])
    // As after a crash between the commit of the handler and the removal of the letter.
    await letters.insertOne(letter)
    await consumer.deadLetters.redrive()
    await eventually(async () => (await consumer.deadLetters.count()) === 0)
    assert.deepEqual(await stored(), [0])
  })

  it('handles again what the offset is set back to', async () => {
    const { topic, producer, consumer, effects } = await topicWith()
    const errors = []
    const subscription = {
      transactional: { client: test.client },
      maxRetries: 0,
      errorHandler: (error) => errors.push(error),
      async handler({ message }, { session }) {
        await effects.updateOne({ _id: message.value.n }, { $inc: { times: 1 } }, { session, upsert: true })
      },
    }
    await consumer.subscribe(subscription)
    await producer.send(numbers(5))
    await passes(async () => assert.equal(await effects.countDocuments({ times: 1 }), 5))
    await consumer.unsubscribe()
    await broker.resetOffsets({ groupId: 'group', topic, to: 'earliest' })
    await consumer.subscribe(subscription)
    await producer.send(numbers(2, 5))
    await passes(async () => assert.equal(await effects.countDocuments(), 7))
    assert.deepEqual([await effects.countDocuments({ times: 2 }), errors], [5, []])
  })

  it('that ends the transaction itself has failed, and moves no offset', async () => {
    const { producer, consumer, effects, stored } = await topicWith()
    const errors = []
    await consumer.subscribe({
      transactional: { client: test.client },
      maxRetries: 1,
      retryDelay: 1,
      errorHandler: (error) => errors.push(error.code),
      async handler({ message }, { session, attempt }) {
        await effects.insertOne({ n: message.value.n }, { session })
        if (attempt === 1) await session.abortTransaction()
      },
    })
    await producer.send(numbers(1))
    await passes(async () => assert.deepEqual(await stored(), [0]))
    assert.deepEqual(errors, ['ERR_CSB_BAD_SESSION'])
  })

  it('of a member that has lost its partition commits nothing', async () => {
    const { topic, producer, consumer, effects, stored } = await topicWith()
    const { fire, fired } = signal()
    const began = signal()
    await consumer.subscribe({
      transactional: { client: test.client },
      async handler({ message }, { session }) {
        await effects.insertOne({ n: message.value.n }, { session })
        began.fire()
        await fired
      },
    })
    await producer.send(numbers(1))
    await began.fired
    const offsets = test.db.collection('consumer_offsets')
    await offsets.updateOne({ topic, groupId: 'group' }, { $set: { owner: 'somebody else' }, $inc: { epoch: 1 } })
    fire()
    await eventually(() => !consumer.isSubscribed() || consumer.getOffsetInfo().lastCommitted === null)
    await consumer.unsubscribe()
    assert.deepEqual(await stored(), [])
  })
})

describe('subscribe refuses', () => {
  it('a client that is none, of another deployment, or without a topic', async () => {
    const { consumer } = await topicWith()
    const handler = async () => {}
    for (const transactional of [true, {}, { client: {} }, { client: null }]) {
      await rejectsWith(consumer.subscribe({ transactional, handler }), 'ERR_CSB_INVALID_CONFIG')
    }
    const missing = await broker.createConsumer(consumerConfig(uniqueTopic('missing'), 'group'))
    const transactional = { client: test.client }
    await rejectsWith(missing.subscribe({ transactional, handler }), 'ERR_CSB_TOPIC_NOT_FOUND')
  })

  it('more than one call at a time, and one that takes as long as the server lets a transaction live', async () => {
    const { consumer } = await topicWith()
    const transactional = { client: test.client }
    const subscribe = (more) => consumer.subscribe({ transactional, handler: async () => {}, ...more })
    const error = await rejectsWith(subscribe({ concurrency: 2, handlerTimeoutMs: 60_000 }), 'ERR_CSB_INVALID_CONFIG')
    assert.match(error.message, /concurrency is 2/)
    assert.match(error.message, /handlerTimeoutMs is 60000/)
    await subscribe({})
  })
})
