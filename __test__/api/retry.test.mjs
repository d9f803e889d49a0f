// A failing handler: how often, when, in which order, who hears of it, and what becomes of the message.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Inbox, eventually } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('retry')
const deadLetters = test.db.collection('dead_letters')

let broker
before(async () => {
  broker = await test.broker()
})

async function topicWithProducer(partitions = 1) {
  const topic = uniqueTopic()
  return { topic, producer: await broker.createProducer(producerConfig(topic, partitions)) }
}

async function subscribed(topic, handlerConfig, more = {}) {
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', more))
  await consumer.subscribe(handlerConfig)
  return consumer
}

/** A handler that fails on value `bad`, `failures` times, and pushes every call. */
function failing(calls, failures, makeError = () => new Error('no')) {
  let left = failures
  return async (record) => {
    calls.push({ value: record.message.value, at: performance.now(), record })
    if (record.message.value === 'bad' && left > 0) {
      left -= 1
      throw makeError()
    }
  }
}

const values = (calls) => calls.items.map((call) => call.value)

describe('retry', () => {
  it('tries maxRetries more times, after retryDelay, before the next message', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    await subscribed(topic, { handler: failing(calls, 2), maxRetries: 3, retryDelay: 200 })
    await producer.send(['a', 'bad', 'c'].map((value) => ({ value, key: 'k' })))
    await calls.received(5)
    assert.deepEqual(values(calls), ['a', 'bad', 'bad', 'bad', 'c'])
    for (const [earlier, later] of [
      [1, 2],
      [2, 3],
    ]) {
      const pause = calls.items[later].at - calls.items[earlier].at
      assert.ok(pause >= 190, `retried after ${pause} ms`)
    }
    assert.equal(await deadLetters.countDocuments({ topic }), 0)
  })

  it('maxRetries 0: one attempt', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    await subscribed(topic, { handler: failing(calls, Infinity), maxRetries: 0 })
    await producer.send(['bad', 'next'].map((value) => ({ value, key: 'k' })))
    await calls.received(2)
    assert.deepEqual(values(calls), ['bad', 'next'])
  })

  it("the consumer's maxRetries and retryDelayMs hold where subscribe() names none", async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    await subscribed(topic, { handler: failing(calls, Infinity) }, { maxRetries: 1, retryDelayMs: 10 })
    await producer.send(['bad', 'next'].map((value) => ({ value, key: 'k' })))
    await calls.received(3)
    assert.deepEqual(values(calls), ['bad', 'bad', 'next'])
  })

  it('errorHandler hears of every attempt: the very error, the record, the count', async () => {
    const { topic, producer } = await topicWithProducer()
    const thrown = []
    const makeError = () => {
      const error = new TypeError(`attempt ${thrown.length + 1}`)
      thrown.push(error)
      return error
    }
    const calls = new Inbox()
    const heard = new Inbox()
    const errorHandler = async (...args) => heard.push(args)
    await subscribed(topic, {
      handler: failing(calls, Infinity, makeError),
      errorHandler,
      maxRetries: 2,
      retryDelay: 5,
    })
    await producer.send({ key: 'order-1', value: 'bad', headers: { h: 1 } })
    await heard.received(3)
    for (const [index, [error, record, attempt]] of heard.items.entries()) {
      assert.strictEqual(error, thrown[index])
      assert.deepEqual(attempt, { attempt: index + 1, willRetry: index < 2 })
      assert.strictEqual(record, calls.items[index].record)
      assert.deepEqual([record.topic, record.message.key, record.message.value], [topic, 'order-1', 'bad'])
    }
  })

  it('errorHandler is awaited before the next attempt', async () => {
    const { topic, producer } = await topicWithProducer()
    const events = new Inbox()
    await subscribed(topic, {
      handler: async () => {
        events.push('handler')
        if (events.length < 4) throw new Error('no')
      },
      errorHandler: async () => {
        events.push('errorHandler starts')
        await new Promise((resolve) => setImmediate(resolve))
        events.push('errorHandler ends')
      },
      maxRetries: 5,
      retryDelay: 0,
    })
    await producer.send({ value: 1 })
    await events.received(4)
    assert.deepEqual(events.items, ['handler', 'errorHandler starts', 'errorHandler ends', 'handler'])
  })

  it('an errorHandler that throws changes nothing, and is not lost', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    const warnings = new Inbox()
    const listen = (warning) => warnings.push(warning)
    process.on('warning', listen)
    const errorHandler = () => {
      throw new Error('broken errorHandler')
    }
    await subscribed(topic, { handler: failing(calls, Infinity), errorHandler, maxRetries: 1, retryDelay: 1 })
    await producer.send(['bad', 'next'].map((value) => ({ value, key: 'k' })))
    await calls.received(3)
    assert.deepEqual(values(calls), ['bad', 'bad', 'next'])
    await warnings.first((warning) => /broken errorHandler/.test(warning.message))
    process.off('warning', listen)
  })

  it('other partitions go on meanwhile', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2, { partitionStrategy: 'round-robin' }))
    const calls = new Inbox()
    const consumer = await subscribed(topic, { handler: failing(calls, Infinity), maxRetries: 3, retryDelay: 60_000 })
    await producer.send([{ value: 'bad' }, { value: 'other' }])
    await calls.first((call) => call.value === 'bad')
    await calls.first((call) => call.value === 'other')
    await consumer.unsubscribe()
  })
})

describe('a message whose attempts are used up', () => {
  it('becomes a dead letter, whole, and the next one goes on', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    const makeError = () => new RangeError('out of stock')
    await subscribed(topic, { handler: failing(calls, Infinity, makeError), maxRetries: 1, retryDelay: 1 })
    const timestamp = new Date(Math.floor(Date.now() / 1000) * 1000 + 10) // of today: older messages may expire
    await producer.send([
      { key: 'order-7', value: 'bad', headers: { source: 'test' }, timestamp, messageId: 'poison' },
      { key: 'order-7', value: 'next' },
    ])
    await calls.first((call) => call.value === 'next')
    const [letter, ...more] = await deadLetters.find({ topic }).toArray()
    assert.equal(more.length, 0)
    assert.deepEqual([letter.groupId, letter.topic, letter.partition, letter.attempts], ['group', topic, 0, 2])
    assert.ok(letter.deadAt instanceof Date)
    const { message } = letter
    assert.deepEqual(
      [message._id, message._key, message._value, message._headers, message._timestamp],
      ['poison', 'order-7', 'bad', { source: 'test' }, timestamp],
    )
    assert.deepEqual(
      letter.errors.map((error) => [error.name, error.message]),
      Array(2).fill(['RangeError', 'out of stock']),
    )
    assert.match(letter.errors[0].stack, /retry\.test\.mjs/)
  })

  it('is behind the committed offset: a restart does not bring it back', async () => {
    const { topic, producer } = await topicWithProducer()
    const first = new Inbox()
    const consumer = await subscribed(topic, { handler: failing(first, Infinity), maxRetries: 0 })
    await producer.send({ value: 'bad' })
    await eventually(() => deadLetters.findOne({ topic }), { what: 'the dead letter' })
    await consumer.disconnect()
    await producer.send({ value: 'next' })
    const second = new Inbox()
    await subscribed(topic, { handler: failing(second, 0) })
    await second.received(1)
    assert.deepEqual(values(second), ['next'])
  })

  it('a message that was being retried at a stop comes again, first', async () => {
    const { topic, producer } = await topicWithProducer()
    const first = new Inbox()
    const failed = new Inbox()
    const consumer = await subscribed(topic, {
      handler: failing(first, Infinity),
      errorHandler: (error) => failed.push(error),
      maxRetries: 5,
      retryDelay: 60_000,
    })
    await producer.send(['bad', 'next'].map((value) => ({ value, key: 'k' })))
    await failed.received(1)
    await consumer.disconnect()
    const second = new Inbox()
    await subscribed(topic, { handler: failing(second, 0) })
    await second.received(2)
    assert.deepEqual(values(second), ['bad', 'next'])
    assert.equal(await deadLetters.countDocuments({ topic }), 0)
  })
})
