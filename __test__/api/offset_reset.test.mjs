// Setting the offsets of a group back and ahead.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('offset_reset')
const PARTITIONS = 2
let broker
before(async () => {
  broker = await test.broker({ logLevel: 'SILENT' })
})

const message = (n) => ({ key: `key-${n}`, value: { n } })
const numbers = (inbox) => inbox.items.map(({ message: { value } }) => value.n).sort((a, b) => a - b)

/** A group that has handled ten messages and has gone, and how to begin it again. */
async function handledTen(topic = uniqueTopic()) {
  const producer = await broker.createProducer(producerConfig(topic, PARTITIONS))
  const begin = async () => {
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { autoCommit: true }))
    const records = new Inbox()
    await consumer.subscribe({ handler: async (record) => records.push(record) })
    return { consumer, records }
  }
  const { consumer, records } = await begin()
  for (let n = 0; n < 10; n++) await producer.send(message(n))
  await records.received(10)
  await consumer.disconnect()
  const reset = (more) => broker.resetOffsets({ groupId: 'group', topic, ...more })
  return { topic, producer, begin, reset, records }
}

const sum = (resets, field) => resets.reduce((total, reset) => total + reset[field], 0)

describe('resetOffsets', () => {
  it('to the earliest delivers everything again', async () => {
    const { begin, reset } = await handledTen()
    const planned = await reset({ to: 'earliest', dryRun: true })
    assert.deepEqual(
      planned.map(({ partition }) => partition),
      [0, 1],
    )
    assert.deepEqual([sum(planned, 'before'), sum(planned, 'after')], [0, 10])
    const first = await begin()
    await delay(50)
    assert.equal(first.records.length, 0, 'a dry run changes nothing')
    await first.consumer.disconnect()
    assert.deepEqual(await reset({ to: 'earliest' }), planned)
    const { records } = await begin()
    await records.received(10)
    assert.deepEqual(numbers(records), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('to the latest skips what is there', async () => {
    const { producer, begin, reset } = await handledTen()
    for (let n = 10; n < 15; n++) await producer.send(message(n))
    const resets = await reset({ to: 'latest' })
    assert.deepEqual([sum(resets, 'before'), sum(resets, 'after')], [5, 0])
    const { records } = await begin()
    await producer.send(message(15))
    await records.received(1)
    assert.deepEqual(numbers(records), [15])
  })

  it('to a time delivers what was stored in that second and later', async () => {
    const { producer, begin, reset } = await handledTen()
    await delay(1100)
    const { localTime } = await test.db.admin().command({ hello: 1 })
    const second = new Date(Math.ceil(localTime.getTime() / 1000) * 1000)
    await delay(second.getTime() - localTime.getTime() + 50)
    for (let n = 10; n < 13; n++) await producer.send(message(n))
    await reset({ to: second })
    const { records } = await begin()
    await records.received(3)
    assert.deepEqual(numbers(records), [10, 11, 12])
  })

  it('to the offset of a record, in one partition, goes on behind it', async () => {
    const { begin, reset, records: before } = await handledTen()
    const inFirst = before.items.filter(({ partition }) => partition === 0)
    const [resets] = await Promise.all([reset({ to: inFirst[1].offset, partitions: [0] })])
    assert.deepEqual(
      resets.map(({ partition, after }) => [partition, after]),
      [[0, inFirst.length - 2]],
    )
    const { records } = await begin()
    await records.received(inFirst.length - 2)
    assert.deepEqual(
      records.items.map(({ message: { value } }) => value.n),
      inFirst.slice(2).map(({ message: { value } }) => value.n),
    )
  })

  it('of a group that has never been there says where it begins', async () => {
    const { topic } = await handledTen()
    const groupId = 'replay'
    await broker.resetOffsets({ groupId, topic, to: 'earliest' })
    const consumer = await broker.createConsumer(consumerConfig(topic, groupId))
    const records = new Inbox()
    await consumer.subscribe({ handler: async (record) => records.push(record) })
    await records.received(10)
  })

  it('is refused while members run, unless it is forced', async () => {
    const { topic, producer, begin, reset } = await handledTen()
    const { consumer, records } = await begin()
    const error = await rejectsWith(reset({ to: 'earliest' }), 'ERR_CSB_GROUP_ACTIVE')
    assert.deepEqual([error.groupId, error.topic], ['group', topic])
    assert.equal(records.length, 0)
    await reset({ to: 'earliest', dryRun: true })
    const resets = await consumer.seek('earliest')
    assert.equal(sum(resets, 'after'), 10)
    // The members notice at their next commit.
    await producer.send(Array.from({ length: 20 }, (_, n) => message(10 + n)))
    await passes(async () =>
      assert.deepEqual(
        [...new Set(numbers(records))],
        Array.from({ length: 30 }, (_, n) => n),
      ),
    )
  })

  it('reaches members that have nothing to do', async () => {
    const { producer, begin } = await handledTen()
    const { consumer, records } = await begin()
    const revoked = new Inbox()
    consumer.on('revoked', (event) => revoked.push(event))
    await producer.send(Array.from({ length: 10 }, (_, n) => message(10 + n)))
    await records.received(10)
    await passes(async () => assert.equal(consumer.getOffsetInfo().hasUncommitted, false))
    await consumer.seek('earliest')
    await records.received(30)
    assert.equal(new Set(numbers(records)).size, 20)
    await revoked.received(2)
    assert.deepEqual(
      revoked.items.map(({ reason }) => reason),
      ['leaseLost', 'leaseLost'],
    )
  })

  it('refuses what it does not understand', async () => {
    const { topic, reset } = await handledTen()
    for (const to of ['yesterday', 5, { _data: 'x' }, undefined, new Date(Number.NaN)]) {
      await rejectsWith(reset({ to }), 'ERR_CSB_INVALID_CONFIG')
    }
    await rejectsWith(reset({ to: 'latest', dryrun: true }), 'ERR_CSB_INVALID_CONFIG')
    await rejectsWith(reset({ to: 'latest', partitions: [7] }), 'ERR_CSB_PARTITION_NOT_FOUND')
    await rejectsWith(
      broker.resetOffsets({ groupId: 'group', topic: `${topic}-missing`, to: 'latest' }),
      'ERR_CSB_TOPIC_NOT_FOUND',
    )
  })

  it('works embedded', async () => {
    const embedded = await test.broker({ mongoUri: 'memory://offset-reset', logLevel: 'SILENT' })
    const producer = await embedded.createProducer(producerConfig('t'))
    await producer.send([1, 2, 3].map(message))
    const resets = await embedded.resetOffsets({ groupId: 'g', topic: 't', to: 'earliest' })
    assert.equal(sum(resets, 'after'), 3)
    const consumer = await embedded.createConsumer(consumerConfig('t', 'g'))
    const records = new Inbox()
    await consumer.subscribe({ handler: async (record) => records.push(record) })
    await records.received(3)
  })
})
