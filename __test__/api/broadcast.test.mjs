// groupMode 'broadcast': each instance is a group of its own, in everything that names a group.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MongoClient } from 'mongodb'
import { eventually, Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('broadcast')
let broker
let client
const consumers = []
before(async () => {
  broker = await test.broker({ logLevel: 'ERROR' })
  client = await new MongoClient(test.uri).connect()
})
after(async () => {
  // Their transactions are the client's.
  await Promise.all(consumers.map((consumer) => consumer.disconnect()))
  await client.close()
})

async function instance(topic, instanceId) {
  const config = consumerConfig(topic, 'group', { groupMode: 'broadcast', instanceId, fromBeginning: true })
  const consumer = await broker.createConsumer(config)
  consumers.push(consumer)
  return consumer
}

describe('an instance', () => {
  it('seeks for itself, not for a group with the plain name', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const [shared, own] = [new Inbox(), new Inbox()]
    const member = await broker.createConsumer(consumerConfig(topic, 'group'))
    const revoked = new Inbox()
    member.on('revoked', (event) => revoked.push(event))
    await member.subscribe({ handler: ({ message }) => shared.push(message.value) })
    const consumer = await instance(topic, 'pod-0')
    await consumer.subscribe({ handler: ({ message }) => own.push(message.value) })
    await producer.send([1, 2, 3].map((value) => ({ value })))
    await Promise.all([shared.received(3), own.received(3)])
    await consumer.seek('earliest')
    await own.received(6)
    assert.deepEqual(own.items, [1, 2, 3, 1, 2, 3])
    await producer.send({ value: 4 })
    await shared.received(4)
    assert.deepEqual([shared.items, revoked.items], [[1, 2, 3, 4], []])
  })

  it('is named as its group is, so that its dead letters are found', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await instance(topic, 'pod-0')
    assert.equal(consumer.getGroupId(), 'group@pod-0')
    const dead = new Inbox()
    consumer.on('deadLettered', (event) => dead.push(event))
    await consumer.subscribe({ maxRetries: 0, handler: () => Promise.reject(new Error('not today')) })
    await producer.send({ value: 1 })
    const [{ groupId }] = await dead.received(1)
    assert.equal(groupId, 'group@pod-0')
    assert.equal(await broker.getDeadLetters(groupId).count(), 1)
  })

  it('handles in a transaction what another instance has handled', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const effects = test.db.collection(`${topic}_effects`)
    await test.db.createCollection(effects.collectionName)
    const mine = client.db(test.database).collection(effects.collectionName)
    const names = ['pod-0', 'pod-1']
    let failing = true
    const instances = await Promise.all(names.map((name) => instance(topic, name)))
    for (const [index, consumer] of instances.entries()) {
      await consumer.subscribe({
        transactional: { client },
        maxRetries: 0,
        async handler(_, { session }) {
          if (failing) throw new Error('not today')
          await mine.insertOne({ by: names[index] }, { session })
        },
      })
    }
    await producer.send({ value: 1 })
    const letters = async () => Promise.all(instances.map(({ deadLetters }) => deadLetters.count()))
    await eventually(async () => `${await letters()}` === '1,1', { what: 'a dead letter of each' })
    failing = false
    await Promise.all(instances.map(({ deadLetters }) => deadLetters.redrive()))
    await eventually(async () => `${await letters()}` === '0,0', { what: 'both to be redriven' })
    assert.deepEqual((await effects.find().toArray()).map(({ by }) => by).sort(), names)
  })
})
