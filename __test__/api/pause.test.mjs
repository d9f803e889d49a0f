// pause() stops the handler and drops nothing; resume() goes on where it stopped.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('pause')

const messages = (from, to) =>
  Array.from({ length: to - from }, (_, n) => ({ key: `k${(from + n) % 20}`, value: from + n }))
const values = (inbox) => inbox.items.map((record) => record.message.value)

/** A paused candidate and, in another group, a witness: what the witness got has passed the candidate, too. */
async function setUp(partitions) {
  const broker = await test.broker()
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic, partitions))
  const inbox = new Inbox()
  const witness = new Inbox()
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  const other = await broker.createConsumer(consumerConfig(topic, 'witness'))
  await other.subscribe({ handler: async (record) => witness.push(record) })
  return { broker, topic, producer, consumer, inbox, witness }
}

describe('pause', () => {
  it('nothing is handled while paused, everything afterwards, in order', async () => {
    const { producer, consumer, inbox, witness } = await setUp(3)
    await consumer.subscribe({ handler: async (record) => inbox.push(record) })
    await producer.send(messages(0, 30))
    await inbox.received(30)
    consumer.pause()
    await producer.send(messages(30, 3_030))
    await witness.received(3_030)
    assert.equal(inbox.length, 30, 'handled while paused')
    assert.equal(consumer.isSubscribed(), true)
    consumer.resume()
    await inbox.received(3_030)
    const got = values(inbox)
    assert.deepEqual(
      [...got].sort((a, b) => a - b),
      Array.from({ length: 3_030 }, (_, n) => n),
    )
    for (const partition of [0, 1, 2]) {
      const order = inbox.items.filter((record) => record.partition === partition).map((record) => record.message.value)
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      )
    }
  })

  it('the handler in flight finishes, the next message waits', async () => {
    const { producer, consumer, inbox, witness } = await setUp(1)
    const started = signal()
    const release = signal()
    await consumer.subscribe({
      handler: async (record) => {
        started.fire()
        await release.fired
        inbox.push(record)
      },
    })
    await producer.send(messages(0, 5))
    await started.fired
    consumer.pause()
    release.fire()
    await inbox.received(1)
    await producer.send(messages(5, 6))
    await witness.received(6)
    assert.deepEqual(values(inbox), [0])
    consumer.resume()
    await inbox.received(6)
    assert.deepEqual(values(inbox), [0, 1, 2, 3, 4, 5])
  })

  it('pause() inside a handler', async () => {
    const { producer, consumer, inbox, witness } = await setUp(1)
    await consumer.subscribe({
      handler: async (record) => {
        if (inbox.length === 0) consumer.pause()
        inbox.push(record)
      },
    })
    await producer.send(messages(0, 4))
    await Promise.all([inbox.received(1), witness.received(4)])
    assert.deepEqual(values(inbox), [0])
    consumer.resume()
    await inbox.received(4)
    assert.deepEqual(values(inbox), [0, 1, 2, 3])
  })

  it('pause() before subscribe() holds; twice is as once; resume() without pause() does nothing', async () => {
    const { producer, consumer, inbox, witness } = await setUp(1)
    consumer.resume()
    consumer.pause()
    consumer.pause()
    await consumer.subscribe({ handler: async (record) => inbox.push(record) })
    await producer.send(messages(0, 3))
    await witness.received(3)
    assert.equal(inbox.length, 0)
    consumer.resume()
    await inbox.received(3)
    assert.deepEqual(values(inbox), [0, 1, 2])
  })

  it('a paused consumer can be disconnected; the next one goes on where it paused', async () => {
    const { broker, topic, producer, consumer, inbox } = await setUp(1)
    await consumer.subscribe({ handler: async (record) => inbox.push(record) })
    await producer.send(messages(0, 2))
    await inbox.received(2)
    consumer.pause()
    await producer.send(messages(2, 5))
    await consumer.disconnect()
    assert.deepEqual(values(inbox), [0, 1])
    const next = await broker.createConsumer(consumerConfig(topic, 'group'))
    await next.subscribe({ handler: async (record) => inbox.push(record) })
    await inbox.received(5)
    assert.deepEqual(values(inbox), [0, 1, 2, 3, 4])
  })
})
