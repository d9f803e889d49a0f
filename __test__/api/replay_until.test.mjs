// A replay into another group, up to a point.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('replay_until')
const PARTITIONS = 3
let broker
before(async () => {
  broker = await test.broker()
})

/** What a consumer of this group gets, and its `completed` events. */
async function read(topic, groupId, more = {}) {
  const consumer = await broker.createConsumer(consumerConfig(topic, groupId, more))
  const [records, completed] = [new Inbox(), new Inbox()]
  consumer.on('completed', (event) => completed.push(event))
  await consumer.subscribe({ handler: async (record) => records.push(record) })
  const numbers = () => records.items.map(({ message: { value } }) => value.n).sort((a, b) => a - b)
  return { consumer, records, completed, numbers }
}

const messages = (from, to) => Array.from({ length: to - from }, (_, n) => ({ value: { n: from + n } }))
const upTo = (n) => [...Array(n).keys()]

describe('until', () => {
  it('a Date: what was sent before is handled, in every partition, and the rest is left', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
    const first = await read(topic, 'first')
    await producer.send(messages(0, 30))
    await first.records.received(30)
    // The server's second has to change between what is replayed and what is not.
    let until
    for (const begun = await serverSecond(); until === undefined; ) {
      const now = await serverSecond()
      if (now > begun) until = new Date(now * 1000)
    }
    await producer.send(messages(30, 60))
    await first.records.received(60)

    const replay = await read(topic, 'replay', { fromBeginning: true, until })
    await replay.completed.received(PARTITIONS)
    assert.deepEqual(replay.numbers(), upTo(30))
    assert.deepEqual(
      replay.completed.items.map(({ remaining }) => remaining),
      [2, 1, 0],
    )
    for (const { partition, ...event } of replay.completed.items) {
      assert.ok(partition < PARTITIONS && typeof event.offset._data === 'string')
      assert.deepEqual([event.topic, event.groupId], [topic, 'replay'])
    }
    await producer.send(messages(60, 70))
    await first.records.received(70)
    await replay.consumer.disconnect()
    assert.deepEqual(replay.numbers(), upTo(30), 'nothing more came')

    const rest = await read(topic, 'replay')
    await rest.records.received(40)
    assert.deepEqual(
      rest.numbers(),
      upTo(70).filter((n) => n >= 30),
    )
  })

  it('the offset of a record: up to that record', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const first = await read(topic, 'first')
    for (let n = 0; n < 10; n++) await producer.send({ value: { n } })
    await first.records.received(10)
    const until = first.records.items.find(({ message: { value } }) => value.n === 6).offset
    const replay = await read(topic, 'replay', { fromBeginning: true, until })
    await replay.completed.received(1)
    assert.deepEqual(replay.numbers(), upTo(7))
    assert.deepEqual(replay.completed.items[0].offset, until)
  })

  it('a group that has passed it already completes at once', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const first = await read(topic, 'group')
    await producer.send(messages(0, 5))
    await first.records.received(5)
    await first.consumer.disconnect()
    const again = await read(topic, 'group', { until: new Date(Date.now() - 60_000) })
    await again.completed.received(1)
    assert.equal(again.records.length, 0)
  })

  it('is refused if it is no place', async () => {
    const create = (until) => broker.createConsumer(consumerConfig(uniqueTopic(), 'group', { until }))
    for (const until of ['tomorrow', 5, new Date(Number.NaN), { _data: 'x' }]) {
      const error = await rejectsWith(create(until), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, /until/)
    }
  })
})

async function serverSecond() {
  const { $clusterTime } = await test.db.admin().command({ hello: 1 })
  const { localTime } = await test.db.admin().command({ hello: 1 })
  return Math.max($clusterTime.clusterTime.getHighBits(), Math.floor(localTime.getTime() / 1000))
}
