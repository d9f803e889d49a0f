// A transaction that stays open for half a minute: what it sent comes when it commits, and nothing else waits for it.
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const OPEN_SECONDS = 30
const test = testDatabase('long_transaction')
let broker
before(async () => {
  broker = await test.broker()
})

it('delays only itself', { timeout: 120_000 }, async () => {
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  const received = new Inbox()
  await consumer.subscribe({ handler: async ({ message }) => received.push(message.value.n) })

  const session = test.client.startSession()
  session.startTransaction()
  await producer.send({ value: { n: 'held' } }, { session })

  // Once a second, in the same partition. Each has to arrive while the transaction is open.
  for (let n = 0; n < OPEN_SECONDS; n++) {
    await producer.send({ value: { n } })
    await received.received(n + 1)
    await delay(1000)
  }
  assert.equal(received.items.includes('held'), false, 'nobody sees what is not committed')
  await session.commitTransaction()
  await session.endSession()
  await received.received(OPEN_SECONDS + 1)
  assert.deepEqual(received.items, [...Array(OPEN_SECONDS).keys(), 'held'], 'the order is that of the commits')
})

it('is found again by a group that begins with it in the past', { timeout: 120_000 }, async () => {
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic))
  const session = test.client.startSession()
  session.startTransaction()
  await producer.send({ value: { n: 'held' } }, { session })
  await producer.send({ value: { n: 'sent later' } })
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { fromBeginning: true }))
  const received = new Inbox()
  await consumer.subscribe({ handler: async ({ message }) => received.push(message.value.n) })
  await received.received(1)
  await session.commitTransaction()
  await session.endSession()
  await received.received(2)
  assert.deepEqual(received.items, ['sent later', 'held'])
})
