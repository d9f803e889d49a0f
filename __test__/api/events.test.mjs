// What consumers and brokers tell those who listen, and how far behind a group is.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Inbox, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('events')

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

describe('the events of a consumer', () => {
  it('tell the life of a subscription', async () => {
    const { topic, producer, consumer } = await scene()
    const events = new Inbox()
    for (const name of ['assigned', 'retried', 'deadLettered', 'revoked']) {
      consumer.on(name, (event) => events.push({ name, ...event }))
    }
    await consumer.subscribe({
      maxRetries: 1,
      retryDelay: 5,
      handler: () => {
        throw new TypeError('no')
      },
    })
    await producer.send({ value: 1, messageId: 'the-id' })
    await events.received(3)
    await consumer.unsubscribe()
    await events.received(4)
    const all = { topic, groupId: 'group' }
    const message = { partition: 0, messageId: 'the-id', errorName: 'TypeError' }
    assert.deepEqual(events.items, [
      { name: 'assigned', ...all, partitions: [0] },
      { name: 'retried', ...all, ...message, attempt: 1, delayMs: 5 },
      { name: 'deadLettered', ...all, ...message, attempts: 2 },
      { name: 'revoked', ...all, partition: 0, reason: 'unsubscribed' },
    ])
  })

  it('reach the broker too, until the listener is taken off', async () => {
    const { topic, producer, consumer } = await scene()
    const offsets = new Inbox()
    const listener = (event) => event.topic === topic && offsets.push(event.offset)
    assert.equal(broker.on('committed', listener), broker)
    await consumer.subscribe({ handler: () => {}, autoCommit: true })
    await producer.send({ value: 1 })
    await passes(() => assert.ok(offsets.items.some((offset) => offset?._data.startsWith('82'))))
    broker.off('committed', listener)
    const handled = consumer.getOffsetInfo().lastCommitted
    const before = offsets.items.length
    await producer.send({ value: 2 })
    await passes(() => assert.notDeepEqual(consumer.getOffsetInfo().lastCommitted, handled))
    assert.equal(offsets.items.length, before)
    await consumer.disconnect()
  })

  it('an error comes with the object that errorHandler gets, and without a listener it is none', async () => {
    const { topic, producer, consumer } = await scene()
    const [heard, handled] = [new Inbox(), new Inbox()]
    consumer.once('error', (event) => heard.push(event))
    await consumer.subscribe({ handler: () => {}, errorHandler: (error) => handled.push(error) })
    const rival = await broker.createConsumer(consumerConfig(topic, 'group'))
    await rival.subscribe({ handler: () => {} })
    await producer.send({ value: 1 })
    const [{ error }] = await heard.received(1)
    assert.equal(error.code, 'ERR_CSB_LEASE_LOST')
    assert.equal((await handled.received(1))[0], error)
    await rival.disconnect()
  })

  it('a listener that throws hinders nobody', async () => {
    const { producer, consumer } = await scene()
    const handled = new Inbox()
    consumer.on('assigned', () => {
      throw new Error('a defect of the user')
    })
    const assigned = new Inbox()
    consumer.on('assigned', (event) => assigned.push(event))
    await consumer.subscribe({ handler: ({ message }) => handled.push(message.value) })
    await producer.send({ value: 1 })
    await handled.received(1)
    await assigned.received(1)
    await consumer.disconnect()
  })

  it('an unknown one is refused by name', async () => {
    const { consumer } = await scene()
    assert.throws(() => consumer.on('comitted', () => {}), {
      code: 'ERR_CSB_INVALID_CONFIG',
      message: /'comitted'.*'committed'/,
    })
    assert.throws(() => consumer.on('committed'), { code: 'ERR_CSB_INVALID_CONFIG', message: /function/ })
  })

  it('a blocked event loop is reported when it runs again', async () => {
    const { consumer } = await scene()
    const stalled = new Inbox()
    consumer.on('stalled', (event) => stalled.push(event))
    await consumer.subscribe({ handler: () => {} })
    const end = Date.now() + 9000
    while (Date.now() < end);
    const [event] = await stalled.received(1)
    assert.deepEqual([event.reason, event.partition], ['eventLoop', null])
    assert.ok(event.sinceMs >= 5000, `${event.sinceMs} ms`)
    await consumer.disconnect()
  })
})

describe('lag', () => {
  it('counts what is not committed', async () => {
    const { producer, consumer } = await scene()
    await consumer.subscribe({ handler: () => {} })
    assert.deepEqual(await consumer.lag(), [{ partition: 0, messages: 0, seconds: 0 }])
    consumer.pause()
    await producer.send([{ value: 1 }, { value: 2 }])
    const [{ partition, messages }] = await consumer.lag()
    assert.deepEqual({ partition, messages }, { partition: 0, messages: 2 })
    consumer.resume()
    await passes(async () => assert.equal((await consumer.lag())[0].messages, 0))
    await consumer.disconnect()
    await assert.rejects(consumer.lag(), { code: 'ERR_CSB_NOT_CONNECTED' })
  })
})
