// Documents written by either version are read by the other.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Decimal128, ObjectId } from 'mongodb'
import { Inbox } from '../support/eventually.mjs'
import { directProducer, ours, peer } from '../support/peer.mjs'
import { runProgram } from '../support/run_program.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('compat_traffic')
// Of today: a TTL index may delete older messages at any moment.
const timestamp = new Date(Math.floor(Date.now() / 1000) * 1000 + 10)
const payload = {
  customer: { id: 'c-1', authUserId: 'u-1' },
  product: { id: new ObjectId('65f0a1b2c3d4e5f601234567'), price: Decimal128.fromString('9.90'), tags: ['a', ['b']] },
  at: timestamp,
  nothing: null,
}
const message = {
  key: 'purchase-1',
  value: payload,
  timestamp,
  headers: { eventType: 'purchase.created', source: 'shop' },
}

async function sendWith(implementation, topic, messages) {
  const producer = await directProducer(implementation, producerConfig(topic), test)
  await producer.send(messages)
  await producer.disconnect()
}

describe('what is stored', () => {
  for (const [name, sent] of Object.entries({
    'everything given': message,
    'no key, no headers': { value: { a: 1 }, timestamp },
    'an empty key': { key: '', value: { a: 1 }, timestamp },
    'empty payload': { key: 'k', value: {}, timestamp },
  })) {
    it(`has the same fields: ${name}`, async () => {
      const documents = []
      for (const implementation of [peer, ours]) {
        const topic = uniqueTopic('stored')
        await sendWith(implementation, topic, sent)
        documents.push(await test.db.collection(`${topic}_p0`).findOne())
      }
      const [theirs, mine] = documents.map(({ _id, _ts, ...rest }) => rest)
      assert.deepStrictEqual(mine, theirs)
      assert.ok(documents[1]._id instanceof ObjectId)
      assert.equal(documents[1]._ts._bsontype, 'Timestamp')
    })
  }
})

describe('1.4.2 sends, ours receives', () => {
  let broker
  before(async () => {
    broker = await test.broker()
  })

  for (const [name, fromBeginning] of [
    ['from the change stream', false],
    ['from the stored history', true],
  ]) {
    it(name, async () => {
      const topic = uniqueTopic('from-peer')
      await broker.createTopic({ name: topic, collection: topic, partitions: 1, retentionMs: 3_600_000 })
      const inbox = new Inbox()
      const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { fromBeginning }))
      const subscribe = () => consumer.subscribe({ handler: async (record) => inbox.push(record) })
      const send = () => sendWith(peer, topic, [message, { value: { bare: true }, timestamp }])
      for (const step of fromBeginning ? [send, subscribe] : [subscribe, send]) await step()
      const [first, second] = await inbox.received(2)
      const { id, ...received } = first.message
      assert.deepStrictEqual(received, message)
      assert.match(id, /^[0-9a-f]{24}$/)
      assert.equal(second.message.key, undefined)
      assert.deepStrictEqual([second.message.value, second.message.headers], [{ bare: true }, {}])
    })
  }
})

describe('ours sends, 1.4.2 receives', () => {
  it('the payload, with the envelope beside it as 1.4.2 has it', async () => {
    const topic = uniqueTopic('to-peer')
    await sendWith(ours, topic, message)
    const { code, lines, stderr } = await runProgram('peer_consumer', {
      args: [test.uri, test.database, topic, 'group', '1', 'fromBeginning'],
    })
    assert.equal(code, 0, stderr)
    const [{ value }] = lines
    assert.equal(value._key, 'purchase-1')
    assert.deepEqual(value._headers, message.headers)
    assert.equal(value._partition, 0)
    assert.equal(value._timestamp, timestamp.toISOString())
    assert.deepEqual([value.customer, value.nothing, value.product.tags], [payload.customer, null, ['a', ['b']]])
  })
})
