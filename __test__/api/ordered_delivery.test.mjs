// Per partition strictly in order, one at a time, none lost, none twice; also across a stop in the middle.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('ordered')
const PARTITIONS = 6
const MESSAGES = 20_000
const KEYS = 60
const DEADLINE = { within: 240_000 }

/** Pseudo-random delays of 0 to 2 ms, the same in every run. */
function delays(seed) {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state % 3
  }
}

async function sendAll(producer) {
  for (let start = 0; start < MESSAGES; start += 2000) {
    const batch = Array.from({ length: 2000 }, (_, offset) => {
      const n = start + offset
      return { key: `key-${n % KEYS}`, value: { n } }
    })
    await producer.send(batch)
  }
}

/** A handler that records what it gets, and every breach of "one at a time". */
function recordingHandler(inbox, overlaps) {
  const busy = new Set()
  const nextDelay = delays(7)
  return async ({ partition, message }) => {
    if (busy.has(partition)) overlaps.push({ partition, n: message.value.n })
    busy.add(partition)
    const ms = nextDelay()
    if (ms > 0) await delay(ms)
    busy.delete(partition)
    inbox.push({ partition, key: message.key, n: message.value.n })
  }
}

function assertExactlyOnceInOrder(inbox, overlaps) {
  assert.deepEqual(overlaps, [], 'two messages of a partition in the handler at once')
  const numbers = inbox.items.map((item) => item.n)
  assert.equal(new Set(numbers).size, numbers.length, 'a message came twice')
  assert.equal(numbers.length, MESSAGES, 'a message is missing')
  const partitionsUsed = new Set(inbox.items.map((item) => item.partition))
  assert.equal(partitionsUsed.size, PARTITIONS)
  for (const partition of partitionsUsed) {
    const order = inbox.items.filter((item) => item.partition === partition).map((item) => item.n)
    const firstBreach = order.findIndex((n, index) => index > 0 && n < order[index - 1])
    assert.equal(firstBreach, -1, `partition ${partition}: ${order[firstBreach]} after ${order[firstBreach - 1]}`)
  }
}

describe('20,000 messages over 6 partitions', () => {
  it('through one consumer', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic('straight')
    const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const inbox = new Inbox()
    const overlaps = []
    await consumer.subscribe({ handler: recordingHandler(inbox, overlaps) })
    await Promise.all([sendAll(producer), inbox.received(MESSAGES, DEADLINE)])
    await consumer.unsubscribe()
    assertExactlyOnceInOrder(inbox, overlaps)
  })

  it('with a stop and a new start in the middle', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic('interrupted')
    const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
    const inbox = new Inbox()
    const overlaps = []
    const first = await broker.createConsumer(consumerConfig(topic, 'group'))
    await first.subscribe({ handler: recordingHandler(inbox, overlaps) })
    const sending = sendAll(producer)
    await inbox.received(MESSAGES / 3, DEADLINE)
    await first.disconnect()
    const handledByFirst = inbox.length
    assert.ok(handledByFirst < MESSAGES, 'the stop came too late to mean anything')
    const second = await broker.createConsumer(consumerConfig(topic, 'group'))
    await second.subscribe({ handler: recordingHandler(inbox, overlaps) })
    await Promise.all([sending, inbox.received(MESSAGES, DEADLINE)])
    await second.unsubscribe()
    assertExactlyOnceInOrder(inbox, overlaps)
  })

  it('with unsubscribe() and subscribe() on the same consumer in the middle', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic('resubscribed')
    const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
    const inbox = new Inbox()
    const overlaps = []
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    await consumer.subscribe({ handler: recordingHandler(inbox, overlaps) })
    const sending = sendAll(producer)
    await inbox.received(MESSAGES / 2, DEADLINE)
    await consumer.unsubscribe()
    const handledBefore = inbox.length
    await consumer.subscribe({ handler: recordingHandler(inbox, overlaps) })
    await Promise.all([sending, inbox.received(MESSAGES, DEADLINE)])
    await consumer.unsubscribe()
    assert.ok(handledBefore < MESSAGES, 'the stop came too late to mean anything')
    assertExactlyOnceInOrder(inbox, overlaps)
  })
})
