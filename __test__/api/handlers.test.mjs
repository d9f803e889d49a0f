// What handlers can ask for: time limits, a say in retries, concurrency, batches; and what is told of them by events.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { ChangeStreamBrokerError } from '../../index.js'
import { Inbox, passes, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('handlers')
const deadLetters = test.db.collection('dead_letters')

let broker
before(async () => {
  broker = await test.broker()
})

async function topicWithProducer() {
  const topic = uniqueTopic()
  return { topic, producer: await broker.createProducer(producerConfig(topic, 1)) }
}

async function subscribed(topic, handlerConfig) {
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  await consumer.subscribe({ retryDelay: 5, ...handlerConfig })
  return consumer
}

const send = (producer, ...values) => producer.send(values.map((value) => ({ value, key: 'k' })))

describe('the time limit of a handler', () => {
  it('aborts the signal; a handler that rejects then has failed and is tried again', async () => {
    const { topic, producer } = await topicWithProducer()
    const reasons = new Inbox()
    const handled = new Inbox()
    await subscribed(topic, {
      handlerTimeoutMs: 50,
      handler: async ({ message }, { signal: aborted, attempt }) => {
        if (attempt === 1) {
          await new Promise((_, reject) => {
            aborted.addEventListener('abort', () => {
              reasons.push(aborted.reason)
              reject(aborted.reason)
            })
          })
        }
        handled.push({ value: message.value, attempt })
      },
    })
    await send(producer, 'slow')
    await handled.received(1)
    assert.deepEqual(handled.items, [{ value: 'slow', attempt: 2 }])
    assert.ok(reasons.items[0] instanceof ChangeStreamBrokerError)
    assert.equal(reasons.items[0].code, 'ERR_CSB_HANDLER_TIMEOUT')
  })

  it('a handler that succeeds after the abort has succeeded', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    await subscribed(topic, {
      handlerTimeoutMs: 50,
      handler: async ({ message }, { signal: aborted, attempt }) => {
        calls.push({ value: message.value, attempt })
        if (message.value === 'slow') await new Promise((resolve) => aborted.addEventListener('abort', resolve))
      },
    })
    await send(producer, 'slow', 'next')
    await calls.received(2)
    assert.deepEqual(calls.items, [
      { value: 'slow', attempt: 1 },
      { value: 'next', attempt: 1 },
    ])
  })

  it('a handler that ignores the abort has failed; what it comes to later is ignored', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    const failures = new Inbox()
    const late = signal()
    await subscribed(topic, {
      handlerTimeoutMs: 50,
      handler: async ({ message }, { attempt }) => {
        calls.push({ value: message.value, attempt })
        if (attempt === 1 && message.value === 'deaf') await late.fired
      },
      errorHandler: (error, record, { attempt, willRetry }) => {
        failures.push({ code: error.code, value: record.message.value, attempt, willRetry })
      },
    })
    await send(producer, 'deaf', 'next')
    await calls.received(3)
    late.fire()
    await send(producer, 'last')
    await calls.received(4)
    assert.deepEqual(
      calls.items.map(({ value, attempt }) => `${value} ${attempt}`),
      ['deaf 1', 'deaf 2', 'next 1', 'last 1'],
    )
    assert.deepEqual(failures.items, [{ code: 'ERR_CSB_HANDLER_TIMEOUT', value: 'deaf', attempt: 1, willRetry: true }])
  })

  it('a signal that nobody looks at costs nothing and is never aborted early', async () => {
    const { topic, producer } = await topicWithProducer()
    const contexts = new Inbox()
    await subscribed(topic, { handler: (_, context) => contexts.push(context) })
    await send(producer, 'a')
    const [context] = await contexts.received(1)
    assert.equal(context.signal.aborted, false)
    assert.equal(context.signal, context.signal)
    assert.deepEqual([context.attempt, context.possibleDuplicate], [1, false])
  })
})

describe('retryIf', () => {
  it('false sends the record to the dead letters after one attempt', async () => {
    const { topic, producer } = await topicWithProducer()
    const asked = new Inbox()
    const handled = new Inbox()
    await subscribed(topic, {
      maxRetries: 5,
      handler: ({ message }) => {
        if (message.value === 'bad') throw new TypeError('never')
        handled.push(message.value)
      },
      retryIf: async (error, record, { attempt }) => {
        asked.push({ name: error.name, value: record.message.value, attempt })
        return false
      },
    })
    await send(producer, 'bad', 'good')
    await handled.received(1)
    assert.deepEqual(asked.items, [{ name: 'TypeError', value: 'bad', attempt: 1 }])
    const [letter] = await passes(async () => {
      const letters = await deadLetters.find({ topic }).toArray()
      assert.equal(letters.length, 1)
      return letters
    })
    assert.equal(letter.attempts, 1)
  })

  it('that fails itself counts as yes', async () => {
    const { topic, producer } = await topicWithProducer()
    const attempts = new Inbox()
    await subscribed(topic, {
      handler: (_, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new Error('once')
      },
      retryIf: () => {
        throw new Error('a defect of the user')
      },
    })
    await send(producer, 'a')
    await attempts.received(2)
    assert.deepEqual(attempts.items, [1, 2])
  })
})

describe('concurrency', () => {
  it('lets other keys overtake, never the same key', async () => {
    const { topic, producer } = await topicWithProducer()
    const events = new Inbox()
    const release = signal()
    await subscribed(topic, {
      concurrency: 4,
      handler: async ({ message: { key, value } }) => {
        events.push(`${key}${value} begins`)
        if (value === 1 && key === 'a') await release.fired
        events.push(`${key}${value} ends`)
      },
    })
    await producer.send([
      { key: 'a', value: 1 },
      { key: 'a', value: 2 },
      { key: 'b', value: 1 },
    ])
    await passes(() => assert.ok(events.items.includes('b1 ends')))
    assert.ok(!events.items.includes('a2 begins'))
    release.fire()
    await passes(() => assert.ok(events.items.includes('a2 ends')))
    const ofA = events.items.filter((event) => event.startsWith('a'))
    assert.deepEqual(ofA, ['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends'])
  })
})

describe('a batch handler', () => {
  it('gets batches by count, and the rest after the linger time', async () => {
    const { topic, producer } = await topicWithProducer()
    const batches = new Inbox()
    await subscribed(topic, {
      batch: { maxMessages: 3, lingerMs: 100 },
      batchHandler: (records) => {
        batches.push(records.map(({ message }) => message.value))
      },
    })
    await send(producer, 1, 2, 3, 4, 5, 6, 7)
    await passes(() => assert.equal(batches.items.flat().length, 7))
    assert.deepEqual(batches.items.flat(), [1, 2, 3, 4, 5, 6, 7])
    assert.ok(batches.items.every((batch) => batch.length <= 3))
  })

  it('names the records that failed: they are tried again alone, the others are done', async () => {
    const { topic, producer } = await topicWithProducer()
    const batches = new Inbox()
    const told = new Inbox()
    await subscribed(topic, {
      batch: { maxMessages: 10, lingerMs: 100 },
      maxRetries: 1,
      batchHandler: (records, { attempts }) => {
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
    await send(producer, 'a', 'bad1', 'b', 'bad2')
    await passes(async () => assert.equal(await deadLetters.countDocuments({ topic }), 2))
    assert.deepEqual(batches.items.flat().sort(), ['a.1', 'b.1', 'bad1.1', 'bad1.2', 'bad2.1', 'bad2.2'])
    assert.ok(batches.items.every((batch) => batch.length === 1 || batch.every((name) => name.endsWith('.1'))))
    assert.equal(told.items.length, 4)
    assert.ok(told.items.every(({ message, value }) => message === `no ${value}`))
  })

  it('that throws fails every record, and only the bad one is given up', async () => {
    const { topic, producer } = await topicWithProducer()
    const done = new Inbox()
    await subscribed(topic, {
      batch: { maxMessages: 10, lingerMs: 100 },
      maxRetries: 2,
      batchHandler: (records) => {
        if (records.some(({ message }) => message.value === 'bad')) throw new Error('no')
        for (const { message } of records) done.push(message.value)
      },
    })
    await send(producer, 'a', 'bad', 'b')
    await passes(async () => assert.equal(await deadLetters.countDocuments({ topic }), 1))
    await passes(() => assert.deepEqual([...done.items].sort(), ['a', 'b']))
    assert.equal((await deadLetters.findOne({ topic })).message.k ?? 'k', 'k')
  })

  it('whose outcome cannot be understood has failed', async () => {
    const { topic, producer } = await topicWithProducer()
    const told = new Inbox()
    await subscribed(topic, {
      maxRetries: 0,
      batchHandler: () => ({ failed: [{ record: 7 }] }),
      errorHandler: (error) => told.push(error.message),
    })
    await send(producer, 'a')
    const [message] = await told.received(1)
    assert.match(message, /none of the batch/)
  })

  it('excludes a handler', async () => {
    const { topic } = await topicWithProducer()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const both = { handler() {}, batchHandler() {} }
    await assert.rejects(consumer.subscribe(both), { code: 'ERR_CSB_INVALID_CONFIG', message: /exclude each other/ })
    const stray = { handler() {}, batch: { maxMessages: 5 } }
    await assert.rejects(consumer.subscribe(stray), { code: 'ERR_CSB_INVALID_CONFIG', message: /batchHandler/ })
    const bad = { batchHandler() {}, batch: { maxMessages: 0 }, concurrency: 0, retryBackoff: 'wild' }
    await assert.rejects(consumer.subscribe(bad), (error) => {
      for (const field of ['batch.maxMessages', 'concurrency', 'retryBackoff']) assert.ok(error.message.includes(field))
      return true
    })
  })
})
