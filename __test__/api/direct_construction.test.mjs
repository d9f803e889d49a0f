// 1.4.2 exported the classes behind the broker; constructed directly they have a connection of their own.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChangeStreamConsumer, ChangeStreamProducer, ConsumerGroupManager, OffsetStorage } from '../../index.js'
import { rejectsWith, throwsWith } from '../support/assert_error.mjs'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('direct')

function direct(topic, groups = new ConsumerGroupManager()) {
  const storage = new OffsetStorage(test.uri, test.database)
  return {
    groups,
    producer: new ChangeStreamProducer(producerConfig(topic), test.uri, test.database),
    consumer: new ChangeStreamConsumer(consumerConfig(topic, 'group'), storage, groups, test.uri, test.database),
  }
}

describe('direct construction', () => {
  it('producer and consumer work without a broker', async () => {
    const topic = uniqueTopic()
    const { producer, consumer, groups } = direct(topic)
    assert.deepEqual([producer.getTopic(), consumer.getTopic(), consumer.getGroupId()], [topic, topic, 'group'])
    assert.deepEqual([producer.isConnected, consumer.isConnected(), consumer.isSubscribed()], [false, false, false])
    await Promise.all([producer.connect(), producer.connect()])
    await consumer.connect()
    await consumer.connect()
    assert.deepEqual([producer.isConnected, consumer.isConnected(), consumer.isSubscribed()], [true, true, false])
    const inbox = new Inbox()
    await consumer.subscribe({ handler: async (record) => inbox.push(record) })
    assert.equal(consumer.isSubscribed(), true)
    await producer.send([1, 2].map((value) => ({ value, key: 'k' })))
    const [, second] = await inbox.received(2)
    await consumer.unsubscribe()
    assert.deepEqual(groups.getOffset('group', topic, 0), second.offset)
    await Promise.all([consumer.disconnect(), producer.disconnect()])
    await Promise.all([consumer.disconnect(), producer.disconnect()])
    assert.deepEqual([producer.isConnected, consumer.isConnected()], [false, false])
  })

  it('can be connected again', async () => {
    const topic = uniqueTopic()
    const { producer, consumer } = direct(topic)
    const inbox = new Inbox()
    for (const value of ['first life', 'second life']) {
      await Promise.all([producer.connect(), consumer.connect()])
      await consumer.subscribe({ handler: async (record) => inbox.push(record.message.value) })
      await producer.send({ value })
      await inbox.first((received) => received === value)
      await Promise.all([producer.disconnect(), consumer.disconnect()])
    }
    assert.deepEqual(inbox.items, ['first life', 'second life'])
  })

  it('the consumer is registered with its ConsumerGroupManager while it is connected', async () => {
    const topic = uniqueTopic()
    const { consumer, groups } = direct(topic)
    const id = consumer.getConsumerId()
    assert.match(id, new RegExp(`^group-${topic}-`))
    await consumer.connect()
    assert.equal(consumer.getConsumerId(), id)
    assert.strictEqual(groups.getGroupMembers('group').get(id), consumer)
    assert.deepEqual(groups.getConsumerGroup('group').topics, [topic])
    await groups.disconnectGroup('group')
    assert.equal(groups.getConsumerGroup('group'), undefined)
    assert.equal(consumer.isConnected(), false)
  })

  it('before connect() every call is refused with a typed error or is harmless', async () => {
    const { producer, consumer } = direct(uniqueTopic())
    const error = await rejectsWith(producer.send({ value: 1 }), 'ERR_CSB_NOT_CONNECTED')
    assert.match(error.message, /^Producer not connected/)
    const handler = async () => {}
    const other = await rejectsWith(consumer.subscribe({ handler }), 'ERR_CSB_NOT_CONNECTED')
    assert.match(other.message, /^Consumer not connected\. Call connect\(\) first\./)
    throwsWith(() => consumer.pause(), 'ERR_CSB_NOT_CONNECTED')
    throwsWith(() => consumer.resume(), 'ERR_CSB_NOT_CONNECTED')
    assert.equal(await consumer.commitOffsets(), false)
    assert.equal(consumer.getLastProcessedOffset(), null)
    assert.deepEqual(consumer.getOffsetInfo(), {
      lastProcessed: null,
      lastCommitted: null,
      hasUncommitted: false,
      areOffsetsSynced: false,
    })
    await Promise.all([consumer.unsubscribe(), consumer.disconnect(), producer.disconnect()])
  })

  it('connect() reports a malformed URI, a bad configuration and an unreachable server', async () => {
    const topic = uniqueTopic()
    const connect = (config, uri) => new ChangeStreamProducer(config, uri, test.database).connect()
    await rejectsWith(connect(producerConfig(topic), 'nonsense'), 'ERR_CSB_INVALID_CONFIG')
    await rejectsWith(connect(producerConfig(topic, 0), test.uri), 'ERR_CSB_INVALID_CONFIG')
    await rejectsWith(connect(undefined, test.uri), 'ERR_CSB_INVALID_CONFIG')
    const nowhere = 'mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=500'
    await rejectsWith(connect(producerConfig(topic), nowhere), 'ERR_CSB_UNAVAILABLE')
  })
})

describe('producers of one broker', () => {
  it('share what is costly, but not their end', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const [one, two] = await Promise.all([1, 2].map(() => broker.createProducer(producerConfig(topic))))
    await one.disconnect()
    assert.deepEqual([one.isConnected, two.isConnected], [false, true])
    await two.send({ value: 1 })
    await one.connect()
    await one.send({ value: 2 })
    assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 2)
  })

  it('disconnect() waits for the sends under way', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    let stored = 0
    const sends = Array.from({ length: 200 }, (_, value) =>
      producer.send({ value, key: 'k' }).then(() => {
        stored += 1
      }),
    )
    await producer.disconnect()
    assert.equal(stored, 200)
    await Promise.all(sends)
  })
})

describe('ConsumerGroupManager', () => {
  it('is the register that 1.4.2 had', async () => {
    const groups = new ConsumerGroupManager()
    const member = { disconnect: async () => disconnected.push('member') }
    const disconnected = []
    assert.equal(groups.getConsumerGroup('g'), undefined)
    assert.equal(groups.getGroupMembers('g'), undefined)
    assert.equal(groups.getOffset('g', 't', 0), undefined)
    throwsWith(() => groups.addMemberToGroup('g', 'id', member), 'ERR_CSB_INVALID_CONFIG')
    const group = groups.createConsumerGroup('g', ['t'])
    assert.deepEqual(group, { groupId: 'g', topics: ['t'], lastOffsets: new Map(), members: new Map() })
    groups.addMemberToGroup('g', 'id', member)
    groups.updateOffset('g', 't', { _data: 'x' }, 3)
    assert.deepEqual(groups.getOffset('g', 't', 3), { _data: 'x' })
    assert.deepEqual([...group.lastOffsets.keys()], ['t_p3'])
    await groups.rebalanceGroup('g')
    assert.equal(groups.getAllConsumerGroups().size, 1)
    groups.removeMemberFromGroup('g', 'id')
    assert.equal(groups.getGroupMembers('g').size, 0)
    groups.addMemberToGroup('g', 'id', member)
    await groups.disconnectGroup('g')
    assert.deepEqual(disconnected, ['member'])
    assert.equal(groups.getAllConsumerGroups().size, 0)
    await groups.disconnectGroup('unknown')
    groups.removeMemberFromGroup('unknown', 'id')
  })
})
