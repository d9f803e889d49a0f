// Messages that cannot be sent are refused at once, and nothing of their array is stored.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { rejectsWith } from '../support/assert_error.mjs'
import { producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('bad_message')

function cyclicObject() {
  const object = { a: { b: {} } }
  object.a.b.back = object
  return object
}

function deepObject(levels) {
  let object = {}
  for (let level = 0; level < levels; level++) object = { object }
  return object
}

const invalid = [
  ['null instead of a message', null],
  ['a string instead of a message', 'text'],
  ['a number instead of a message', 5],
  ['an array inside the array', []],
  ['no value', { key: 'a' }],
  ['an undefined value', { value: undefined }],
  ['a function as value', { value: () => 1 }],
  ['a symbol as value', { value: Symbol('s') }],
  ['a cyclic value', { value: cyclicObject() }],
  ['a cyclic array', { value: [cyclicObject()] }],
  ['a value nested beyond any limit', { value: deepObject(20_000) }],
  ['an invalid Date as value', { value: new Date(NaN) }],
  ['a bigint of more than 64 bits', { value: 2n ** 64n }],
  ['a key with a NUL', { value: { 'a\0b': 1 } }],
  ['a field _bsontype', { value: { a: { _bsontype: 'ObjectId', id: '0'.repeat(24) } } }],
  [
    'a getter that throws',
    {
      value: {
        get a() {
          throw new Error('from the getter')
        },
      },
    },
  ],
  ['a string as timestamp', { value: 1, timestamp: '2024-01-01T00:00:00Z' }],
  ['a number as timestamp', { value: 1, timestamp: Date.now() }],
  ['an invalid Date as timestamp', { value: 1, timestamp: new Date('nonsense') }],
  ['an object as timestamp', { value: 1, timestamp: {} }],
  ['a number as key', { value: 1, key: 42 }],
  ['an object as key', { value: 1, key: {} }],
  ['a symbol as key', { value: 1, key: Symbol('k') }],
  ['a string as headers', { value: 1, headers: 'x' }],
  ['an array as headers', { value: 1, headers: [] }],
  ['a number as messageId', { value: 1, messageId: 1 }],
  ['an empty messageId', { value: 1, messageId: '' }],
]

describe('messages that are refused', () => {
  let producer
  let stored
  before(async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    producer = await broker.createProducer(producerConfig(topic))
    stored = () => test.db.collection(`${topic}_p0`).countDocuments()
  })

  for (const [name, message] of invalid) {
    it(name, async () => {
      const before = await stored()
      const error = await rejectsWith(producer.send([{ value: 'good' }, message]), 'ERR_CSB_INVALID_MESSAGE')
      assert.equal(error.effect, 'none')
      assert.match(error.message, /^message 1: /)
      assert.equal(await stored(), before, 'the good message of the array was stored')
    })
  }

  it('the cause is kept', async () => {
    const boom = new Error('boom')
    const value = {
      toBSON() {
        throw boom
      },
    }
    const error = await rejectsWith(producer.send({ value }), 'ERR_CSB_INVALID_MESSAGE')
    assert.strictEqual(error.cause, boom)
  })

  it('undefined instead of a message', async () => {
    await rejectsWith(producer.send(undefined), 'ERR_CSB_INVALID_MESSAGE')
  })

  const mib = 1024 * 1024
  const large = [
    ['a text of 16 MiB', 'x'.repeat(16 * mib)],
    ['a text of 20 MiB', 'x'.repeat(20 * mib)],
    ['a text of 20 MiB in an object', { text: 'x'.repeat(20 * mib), after: 1 }],
    ['17 MiB of characters that take 4 bytes', { a: [['🔑'.repeat((17 * mib) / 4)]] }],
    ['bytes of 40 MiB', Buffer.alloc(40 * mib)],
    ['3 million numbers', Array.from({ length: 3_000_000 }, (_, n) => n)],
  ]
  for (const [name, value] of large) {
    it(`over 16 MB: ${name}`, async () => {
      const before = await stored()
      const sent = producer.send([
        { key: 'k', value: 'good' },
        { key: 'k', value },
      ])
      const error = await rejectsWith(sent, 'ERR_CSB_MESSAGE_TOO_LARGE', { within: 30_000 })
      assert.equal(error.effect, 'none')
      assert.equal(await stored(), before)
      await rejectsWith(producer.send({ value }), 'ERR_CSB_MESSAGE_TOO_LARGE', { within: 30_000 })
    })
  }

  it('an empty array is no error', async () => {
    const before = await stored()
    await producer.send([])
    assert.equal(await stored(), before)
  })

  it('before connect() and after disconnect()', async () => {
    const broker = await test.broker()
    const gone = await broker.createProducer(producerConfig(uniqueTopic()))
    assert.equal(gone.isConnected, true)
    await gone.disconnect()
    assert.equal(gone.isConnected, false)
    const other = await broker.createProducer(producerConfig(uniqueTopic()))
    await broker.disconnect()
    for (const producer of [gone, other]) {
      const error = await rejectsWith(producer.send({ value: 1 }), 'ERR_CSB_NOT_CONNECTED')
      assert.match(error.message, /^Producer not connected/)
      assert.match(error.stack, /bad_message\.test\.mjs/, 'the stack names the call')
    }
  })
})
