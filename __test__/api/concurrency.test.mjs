// Several calls of a handler at the same time within one partition: in order by key, and closed as one.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Inbox, passes, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('concurrency')

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

const message = (key, value) => ({ key, value })

describe('concurrency', () => {
  it('lets other keys overtake, never the same key', async () => {
    const { producer, consumer } = await scene()
    const events = new Inbox()
    const release = signal()
    await consumer.subscribe({
      concurrency: 4,
      handler: async ({ message: { key, value } }) => {
        events.push(`${key}${value} begins`)
        if (value === 1 && key === 'a') await release.fired
        events.push(`${key}${value} ends`)
      },
    })
    await producer.send([message('a', 1), message('a', 2), message('b', 1)])
    await events.first((event) => event === 'b1 ends')
    assert.ok(!events.items.includes('a2 begins'))
    release.fire()
    await events.first((event) => event === 'a2 ends')
    const ofA = events.items.filter((event) => event.startsWith('a'))
    assert.deepEqual(ofA, ['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends'])
  })

  it('is used, and never exceeded', async () => {
    const { producer, consumer } = await scene()
    const handled = new Inbox()
    const running = new Map()
    let most = 0
    const all = signal()
    await consumer.subscribe({
      concurrency: 5,
      handler: async ({ message: { key, value } }) => {
        assert.ok(!running.has(key), `two of key ${key} at once`)
        running.set(key, value)
        most = Math.max(most, running.size)
        if (running.size === 5) all.fire()
        await (value < 5 ? all.fired : new Promise((resolve) => setImmediate(resolve)))
        running.delete(key)
        handled.push({ key, value })
      },
      errorHandler: (error) => handled.push({ key: 'failed', value: error.message }),
    })
    await producer.send(Array.from({ length: 300 }, (_, value) => message(`key ${value % 12}`, value)))
    await handled.received(300)
    assert.equal(most, 5)
    for (let key = 0; key < 12; key++) {
      const values = handled.items.filter((item) => item.key === `key ${key}`).map(({ value }) => value)
      assert.deepEqual(
        values,
        Array.from({ length: 25 }, (_, turn) => turn * 12 + key),
      )
    }
  })

  it('a record that is tried again holds its own key only', async () => {
    const { producer, consumer } = await scene()
    const handled = new Inbox()
    await consumer.subscribe({
      concurrency: 2,
      retryDelay: 3_600_000,
      handler: ({ message: { key, value } }) => {
        if (value === 'bad') throw new Error('no')
        handled.push(`${key} ${value}`)
      },
    })
    await producer.send([
      message('a', 'bad'),
      message('a', 'behind'),
      message('b', 1),
      message('c', 2),
      message('b', 3),
    ])
    await handled.received(3)
    assert.deepEqual([...handled.items].sort(), ['b 1', 'b 3', 'c 2'])
    await consumer.disconnect()
  })
})

/** Three handlers run; `act` is called inside one of them. Resolves when it has, with the means to let them go on. */
async function threeRunning(act) {
  const { topic, producer, consumer } = await scene()
  const [started, release, acted] = [new Inbox(), signal(), signal()]
  const handled = new Inbox()
  await consumer.subscribe({
    concurrency: 3,
    handler: async ({ message: { key, value } }) => {
      started.push(key)
      if (key === 'a') {
        await started.received(3)
        await act(consumer)
        acted.fire()
      }
      await release.fired
      handled.push(value)
    },
  })
  await producer.send(['a', 'b', 'c', 'a', 'b', 'c'].map((key, value) => message(key, value)))
  await acted.fired
  return { topic, consumer, handled, release }
}

describe('with several handlers running', () => {
  for (const how of ['unsubscribe', 'disconnect']) {
    it(`${how} inside one resolves at once; all finish, none begins, and the rest is delivered once`, async () => {
      const { topic, consumer, handled, release } = await threeRunning((one) => one[how]())
      assert.equal(handled.length, 0)
      release.fire()
      // From outside it waits.
      await consumer[how]()
      assert.deepEqual([...handled.items].sort(), [0, 1, 2])
      const next = await broker.createConsumer(consumerConfig(topic, 'group'))
      const rest = new Inbox()
      await next.subscribe({ handler: (record) => rest.push(record.message.value) })
      await rest.received(3)
      await next.disconnect()
      assert.deepEqual([...rest.items].sort(), [3, 4, 5])
      assert.equal(handled.length, 3)
    })
  }

  it('pause inside one: all finish, none begins before resume', async () => {
    const { consumer, handled, release } = await threeRunning((one) => one.pause())
    release.fire()
    await handled.received(3)
    await passes(() => assert.equal(consumer.getOffsetInfo().hasUncommitted, false))
    assert.deepEqual([...handled.items].sort(), [0, 1, 2])
    consumer.resume()
    await handled.received(6)
    assert.deepEqual([...handled.items].sort(), [0, 1, 2, 3, 4, 5])
    await consumer.disconnect()
  })

  it('subscribing again inside one is refused, as it would wait for itself', async () => {
    const refusals = []
    const { consumer, handled, release } = await threeRunning(async (one) => {
      await one.subscribe({ handler: () => {} }).catch((error) => refusals.push(error.code))
    })
    assert.deepEqual(refusals, ['ERR_CSB_ALREADY_SUBSCRIBED'])
    release.fire()
    await handled.received(6)
    await consumer.disconnect()
  })
})
