// Time limits of handlers, the user's say in retries, and how the pauses between them grow.
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

  it('a handler that blocks the event loop uses up its own time, not that of the next record', async () => {
    const { topic, producer } = await topicWithProducer()
    const calls = new Inbox()
    const failures = new Inbox()
    await subscribed(topic, {
      handlerTimeoutMs: 2000,
      handler: async ({ message }, { signal: aborted, attempt }) => {
        if (message.value === 'blocking') {
          const end = Date.now() + 2500
          while (Date.now() < end);
        } else {
          // Long enough for everything that has been said about the first one to be heard.
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        calls.push({ value: message.value, attempt, aborted: aborted.aborted })
      },
      errorHandler: (error) => failures.push(error),
    })
    await send(producer, 'blocking', 'next')
    await calls.received(2)
    assert.deepEqual(calls.items[1], { value: 'next', attempt: 1, aborted: false })
    assert.deepEqual([calls.items[0].value, calls.items[0].attempt, failures.items], ['blocking', 1, []])
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

describe('retryBackoff', () => {
  it('doubles the pause up to maxRetryDelay, spread over its upper half', async () => {
    const { topic, producer } = await topicWithProducer()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const pauses = new Inbox()
    const dead = new Inbox()
    consumer.on('retried', ({ delayMs }) => pauses.push(delayMs)).on('deadLettered', (event) => dead.push(event))
    await consumer.subscribe({
      handler: () => Promise.reject(new Error('no')),
      maxRetries: 4,
      retryDelay: 40,
      retryBackoff: 'exponential',
      maxRetryDelay: 100,
    })
    await send(producer, 'a')
    await dead.received(1)
    const [first, second, third, fourth] = pauses.items
    assert.equal(pauses.length, 4)
    const within = (pause, low, high) => assert.ok(pause >= low && pause <= high, `${pauses.items}`)
    within(first, 20, 40)
    within(second, 40, 80)
    within(third, 50, 100)
    within(fourth, 50, 100)
  })

  it('fixed: every pause is retryDelay', async () => {
    const { topic, producer } = await topicWithProducer()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const pauses = new Inbox()
    consumer.on('retried', ({ delayMs }) => pauses.push(delayMs))
    const handled = new Inbox()
    await consumer.subscribe({
      handler: (_, { attempt }) => {
        if (attempt < 4) throw new Error('no')
        handled.push(attempt)
      },
      maxRetries: 5,
      retryDelay: 7,
      retryBackoff: 'fixed',
      maxRetryDelay: 0,
    })
    await send(producer, 'a')
    await handled.received(1)
    assert.deepEqual(pauses.items, [7, 7, 7])
  })
})

describe('the options of a handler', () => {
  it('are checked whole, each by its name', async () => {
    const { topic } = await topicWithProducer()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const refused = (config, message) =>
      assert.rejects(consumer.subscribe(config), (error) => {
        assert.equal(error.code, 'ERR_CSB_INVALID_CONFIG')
        for (const part of [message].flat()) assert.ok(error.message.includes(part), error.message)
        return true
      })
    const handler = () => {}
    const batchHandler = () => {}
    await refused({}, 'batchHandler')
    await refused({ handler, batchHandler }, 'exclude each other')
    await refused({ batchHandler: 'x' }, 'batchHandler must be a function')
    await refused({ handler, retryIf: true }, 'retryIf must be a function')
    await refused({ handler, batch: { maxMessages: 5 } }, 'batch is for batchHandler')
    await refused({ batchHandler, batch: 5 }, 'batch is 5')
    await refused(
      {
        batchHandler,
        batch: { maxMessages: 0, maxBytes: 1, lingerMs: -1 },
        concurrency: 0,
        retryBackoff: 'wild',
        maxRetryDelay: -1,
        handlerTimeoutMs: 9,
      },
      [
        'batch.maxMessages is 0',
        'batch.maxBytes is 1',
        'batch.lingerMs is -1',
        'concurrency is 0',
        'retryBackoff is "wild"',
        'maxRetryDelay is -1',
        'handlerTimeoutMs is 9',
      ],
    )
    assert.equal(consumer.isSubscribed(), false)
    await consumer.subscribe({ handler, batchHandler: undefined, batch: null, retryIf: null, handlerTimeoutMs: null })
    await consumer.unsubscribe()
    await consumer.subscribe({ batchHandler, batch: undefined })
    await consumer.disconnect()
  })
})
