// Batch handlers: how large a batch is, how long it waits, and what becomes of one that fails.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Inbox, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('batches')
const deadLetters = test.db.collection('dead_letters')
const HOUR = 3_600_000

let broker
before(async () => {
  broker = await test.broker()
})

async function scene() {
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic, 1))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  return { topic, producer, consumer }
}

const send = (producer, ...values) => producer.send(values.map((value) => ({ value, key: 'k' })))
const values = (records) => records.map(({ message }) => message.value)

describe('a batch', () => {
  it('is ready when it has maxMessages; what is left over stays for the next consumer', async () => {
    const { topic, producer, consumer } = await scene()
    const batches = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 3, lingerMs: 60_000 },
      batchHandler: async (records) => batches.push(values(records)),
    })
    await send(producer, 1, 2, 3, 4, 5, 6, 7)
    await batches.received(2)
    await consumer.disconnect()
    assert.deepEqual(batches.items, [
      [1, 2, 3],
      [4, 5, 6],
    ])
    const rest = new Inbox()
    const next = await broker.createConsumer(consumerConfig(topic, 'group'))
    await next.subscribe({ handler: ({ message }) => rest.push(message.value) })
    await rest.received(1)
    assert.deepEqual(rest.items, [7])
  })

  it('is ready when it has maxBytes', async () => {
    const { producer, consumer } = await scene()
    const batches = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 1000, maxBytes: 4096, lingerMs: 60_000 },
      batchHandler: async (records) => batches.push(records.map(({ message }) => message.value.n)),
    })
    await send(producer, ...Array.from({ length: 8 }, (_, n) => ({ n, text: 'x'.repeat(1000) })))
    await batches.received(2)
    await consumer.disconnect()
    assert.deepEqual(batches.items, [
      [0, 1, 2],
      [3, 4, 5],
    ])
  })

  it('waits lingerMs for others, and no longer', async () => {
    const { producer, consumer } = await scene()
    const batches = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 1000, lingerMs: 200 },
      batchHandler: async (records) => batches.push({ values: values(records), at: performance.now() }),
    })
    const sentAt = performance.now()
    await send(producer, 1)
    await send(producer, 2)
    await passes(() =>
      assert.deepEqual(
        batches.items.flatMap((batch) => batch.values),
        [1, 2],
      ),
    )
    assert.ok(batches.items[0].at - sentAt >= 190, `after ${batches.items[0].at - sentAt} ms`)
  })

  it('does not wait by default', async () => {
    const { producer, consumer } = await scene()
    const batches = new Inbox()
    await consumer.subscribe({ batchHandler: async (records) => batches.push(values(records)) })
    await send(producer, 1)
    await batches.received(1)
    assert.deepEqual(batches.items, [[1]])
  })

  it('commits what it handled', async () => {
    const { topic, producer, consumer } = await scene()
    const batches = new Inbox()
    const batchHandler = async (records) => batches.push(values(records))
    await consumer.subscribe({ batchHandler, autoCommit: true })
    await send(producer, 1, 2, 3)
    await passes(() => assert.deepEqual(batches.items.flat(), [1, 2, 3]))
    await passes(() => assert.equal(consumer.getOffsetInfo().hasUncommitted, false))
    await consumer.disconnect()
    const next = await broker.createConsumer(consumerConfig(topic, 'group'))
    await next.subscribe({ batchHandler })
    await send(producer, 4)
    await passes(() => assert.deepEqual(batches.items.flat(), [1, 2, 3, 4]))
  })
})

describe('a batch that fails', () => {
  it('names the records that failed: they are tried again alone, the others are done', async () => {
    const { topic, producer, consumer } = await scene()
    const batches = new Inbox()
    const told = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 4, lingerMs: 60_000 },
      maxRetries: 1,
      retryDelay: 1,
      batchHandler: async (records, { attempts }) => {
        batches.push(records.map(({ message }, at) => `${message.value}.${attempts[at]}`))
        const failed = records.filter(({ message }) => message.value.startsWith('bad'))
        if (failed.length > 0) {
          return { failed: failed.map((record) => ({ record, error: new Error(`no ${record.message.value}`) })) }
        }
      },
      errorHandler: (error, record, attempt) => {
        told.push({ message: error.message, value: record.message.value, ...attempt })
      },
    })
    await send(producer, 'a', 'bad 1', 'b', 'bad 2')
    await told.received(4)
    await passes(async () => assert.equal(await deadLetters.countDocuments({ topic }), 2))
    const [first, ...alone] = batches.items
    assert.deepEqual(first, ['a.1', 'bad 1.1', 'b.1', 'bad 2.1'])
    assert.deepEqual(alone, [['bad 1.2'], ['bad 2.2']])
    assert.deepEqual(
      told.items.map(({ value, attempt, willRetry }) => `${value} ${attempt} ${willRetry}`),
      ['bad 1 1 true', 'bad 2 1 true', 'bad 1 2 false', 'bad 2 2 false'],
    )
    assert.ok(told.items.every(({ message, value }) => message === `no ${value}`))
  })

  it('by throwing: every record is tried again alone, and only the bad one is given up', async () => {
    const { topic, producer, consumer } = await scene()
    const batches = new Inbox()
    const told = new Inbox()
    const boom = new TypeError('boom')
    await consumer.subscribe({
      batch: { maxMessages: 3, lingerMs: 60_000 },
      maxRetries: 2,
      retryDelay: 1,
      batchHandler: async (records, { attempt }) => {
        batches.push(`${values(records)} ${attempt}`)
        if (values(records).includes('bad')) throw boom
      },
      errorHandler: (error, record, { attempt }) => told.push([error === boom, record.message.value, attempt]),
    })
    await send(producer, 'a', 'bad', 'b')
    await passes(() => assert.ok(batches.items.includes('b 2')))
    await passes(async () => assert.equal(await deadLetters.countDocuments({ topic }), 1))
    assert.deepEqual(batches.items, ['a,bad,b 1', 'a 2', 'bad 2', 'bad 3', 'b 2'])
    assert.deepEqual(told.items, [
      [true, 'a', 1],
      [true, 'bad', 1],
      [true, 'b', 1],
      [true, 'bad', 2],
      [true, 'bad', 3],
    ])
    const letter = await deadLetters.findOne({ topic })
    assert.deepEqual([letter.message._value, letter.attempts], ['bad', 3])
  })

  it('with an outcome that cannot be understood has failed whole', async () => {
    const { topic, producer, consumer } = await scene()
    const told = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 2, lingerMs: 60_000 },
      retryDelay: HOUR,
      batchHandler: async () => ({ failed: [{ record: 7 }] }),
      errorHandler: (error, record) => told.push([error.code, record.message.value]),
    })
    await send(producer, 'a', 'b')
    await told.received(2)
    assert.deepEqual(told.items, [
      ['ERR_CSB_HANDLER_FAILED', 'a'],
      ['ERR_CSB_HANDLER_FAILED', 'b'],
    ])
    await consumer.disconnect()
    assert.equal(await deadLetters.countDocuments({ topic }), 0)
  })

  it('by taking too long: the signal is aborted, and the records are tried again alone', async () => {
    const { producer, consumer } = await scene()
    const [handled, told] = [new Inbox(), new Inbox()]
    await consumer.subscribe({
      batch: { maxMessages: 2, lingerMs: 60_000 },
      handlerTimeoutMs: 50,
      retryDelay: 1,
      batchHandler: async (records, { signal: aborted, attempt }) => {
        if (records.length > 1) {
          await new Promise((_, reject) => aborted.addEventListener('abort', () => reject(aborted.reason)))
        }
        handled.push(`${values(records)} ${attempt}`)
      },
      errorHandler: (error, record) => told.push([error.code, record.message.value]),
    })
    await send(producer, 'a', 'b')
    await handled.received(2)
    assert.deepEqual(handled.items, ['a 2', 'b 2'])
    assert.deepEqual(told.items, [
      ['ERR_CSB_HANDLER_TIMEOUT', 'a'],
      ['ERR_CSB_HANDLER_TIMEOUT', 'b'],
    ])
  })

  it('retryIf decides for each record', async () => {
    const { topic, producer, consumer } = await scene()
    const handled = new Inbox()
    await consumer.subscribe({
      batch: { maxMessages: 3, lingerMs: 60_000 },
      retryDelay: 1,
      maxRetries: 9,
      batchHandler: async (records, { attempt }) => {
        handled.push(`${values(records)} ${attempt}`)
        if (attempt === 1) return { failed: records.slice(1).map((record) => ({ record, error: new Error('no') })) }
      },
      retryIf: async (_, { message }) => message.value !== 'hopeless',
    })
    await send(producer, 'a', 'hopeless', 'b')
    await passes(() => assert.ok(handled.items.includes('b 2')))
    assert.deepEqual(handled.items, ['a,hopeless,b 1', 'b 2'])
    await passes(async () => {
      const letters = await deadLetters.find({ topic }).toArray()
      assert.deepEqual(
        letters.map(({ message, attempts }) => [message._value, attempts]),
        [['hopeless', 1]],
      )
    })
  })
})
