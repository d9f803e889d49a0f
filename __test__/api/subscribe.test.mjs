// subscribe() resolves when every partition listens; where a group begins and goes on.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('subscribe')

const numbers = (inbox) => inbox.items.map((record) => record.message.value.n)
const upTo = (count, from = 0) => Array.from({ length: count - from }, (_, n) => ({ key: 'k', value: { n: n + from } }))

async function subscribed(broker, config, inbox) {
  const consumer = await broker.createConsumer(config)
  await consumer.subscribe({ handler: async (record) => inbox.push(record) })
  return consumer
}

describe('subscribe', () => {
  it('a message sent right after it resolved is delivered, 200 times', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 3))
    for (let round = 0; round < 200; round++) {
      const inbox = new Inbox()
      const consumer = await subscribed(broker, consumerConfig(topic, `group-${round}`), inbox)
      await producer.send({ key: `key-${round}`, value: { n: round } })
      await inbox.received(1)
      await consumer.disconnect()
      assert.deepEqual(numbers(inbox), [round])
    }
  })

  it('pause() and unsubscribe() in the first record take effect, also if it comes before subscribe() has resolved', async () => {
    const broker = await test.broker({ logLevel: 'SILENT' })
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    await producer.send(Array.from({ length: 50 }, (_, n) => ({ value: { n } })))
    for (const [groupId, stop] of [
      ['paused', (consumer) => consumer.pause()],
      ['unsubscribed', (consumer) => consumer.unsubscribe()],
    ]) {
      const consumer = await broker.createConsumer(consumerConfig(topic, groupId, { fromBeginning: true }))
      const records = new Inbox()
      const subscribed = consumer.subscribe({
        async handler(record) {
          records.push(record)
          await stop(consumer)
        },
      })
      await Promise.all([subscribed.catch((error) => assert.equal(error.code, 'ERR_CSB_CLOSED')), records.received(1)])
      await consumer.disconnect()
      assert.equal(records.length, 1, groupId)
    }
  })

  it('a new group begins with new messages', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    await producer.send(upTo(5))
    const inbox = new Inbox()
    await subscribed(broker, consumerConfig(topic, 'group'), inbox)
    await producer.send(upTo(8, 5))
    await inbox.received(3)
    assert.deepEqual(numbers(inbox), [5, 6, 7])
  })

  it('fromBeginning: a new group begins with the oldest message, on every partition', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 4))
    const old = Array.from({ length: 400 }, (_, n) => ({ key: `k${n % 40}`, value: { n } }))
    await producer.send(old)
    const inbox = new Inbox()
    await subscribed(broker, consumerConfig(topic, 'group', { fromBeginning: true }), inbox)
    await producer.send({ key: 'k0', value: { n: 400 } })
    await inbox.received(401)
    assert.deepEqual(
      [...numbers(inbox)].sort((a, b) => a - b),
      Array.from({ length: 401 }, (_, n) => n),
    )
    for (const partition of [0, 1, 2, 3]) {
      const order = inbox.items.filter((r) => r.partition === partition).map((r) => r.message.value.n)
      assert.ok(order.length > 0, `partition ${partition} was not read`)
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      )
    }
  })

  it('fromBeginning does not make a group with offsets read again', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    await producer.send(upTo(3))
    const config = consumerConfig(topic, 'group', { fromBeginning: true })
    const first = new Inbox()
    const consumer = await subscribed(broker, config, first)
    await first.received(3)
    await consumer.disconnect()
    const second = new Inbox()
    await subscribed(broker, config, second)
    await producer.send(upTo(4, 3))
    await second.received(1)
    assert.deepEqual(numbers(second), [3])
  })

  it('a group goes on after a restart where it stopped', async () => {
    const topic = uniqueTopic()
    const before = await test.broker()
    const producer = await before.createProducer(producerConfig(topic))
    const first = new Inbox()
    await subscribed(before, consumerConfig(topic, 'group'), first)
    await producer.send(upTo(3))
    await first.received(3)
    await before.disconnect()
    const after = await test.broker()
    const sender = await after.createProducer(producerConfig(topic))
    await sender.send(upTo(6, 3)) // while nobody listens
    const second = new Inbox()
    await subscribed(after, consumerConfig(topic, 'group'), second)
    await second.received(3)
    assert.deepEqual(numbers(second), [3, 4, 5])
  })

  it('two groups get every message, each for itself', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2))
    const inboxes = [new Inbox(), new Inbox()]
    await subscribed(broker, consumerConfig(topic, 'one'), inboxes[0])
    await subscribed(broker, consumerConfig(topic, 'two'), inboxes[1])
    await producer.send(upTo(20))
    for (const inbox of inboxes) assert.equal((await inbox.received(20)).length, 20)
  })

  it('reads only the partitions it names', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2, { partitionStrategy: 'round-robin' }))
    const named = new Inbox()
    const all = new Inbox()
    await subscribed(broker, consumerConfig(topic, 'named', { partitions: [1] }), named)
    await subscribed(broker, consumerConfig(topic, 'all'), all)
    await producer.send(upTo(20))
    await Promise.all([named.received(10), all.received(20)])
    assert.ok(named.items.every((record) => record.partition === 1))
    assert.equal(named.length, 10)
  })

  it('waits for a topic that does not exist yet, if it names partitions', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const inbox = new Inbox()
    await subscribed(broker, consumerConfig(topic, 'group', { partitions: [0] }), inbox)
    const producer = await broker.createProducer(producerConfig(topic))
    await producer.send(upTo(2))
    await inbox.received(2)
    assert.deepEqual(numbers(inbox), [0, 1])
  })
})
