// What a handler gets is what was sent, with BSON types intact.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('round_trip')
const id = new ObjectId('65f0a1b2c3d4e5f601234567')
const bytes = Buffer.from([0, 255, 128, 7])

// name, what is sent, what arrives (if that is something else)
const payloads = [
  ['Date', { at: new Date('2024-02-29T23:59:59.999Z'), before1970: new Date(-1) }],
  ['ObjectId', { id, ids: [id, { deep: id }] }],
  ['Decimal128', { price: Decimal128.fromString('0.1000'), big: Decimal128.fromString('9.999999999999999999E+6144') }],
  ['Long', { small: Long.fromNumber(5), min: Long.MIN_VALUE, max: Long.MAX_VALUE }],
  ['2^53+1 as Long', { n: Long.fromString('9007199254740993') }],
  ['bigint, as Long', { n: 9007199254740993n }, { n: Long.fromString('9007199254740993') }],
  ['Binary', { b: new Binary(bytes), user: new Binary(bytes, 0x80) }],
  ['Buffer, as Binary', { b: bytes }, { b: new Binary(bytes) }],
  ['Uint8Array, as Binary', { b: new Uint8Array(bytes) }, { b: new Binary(bytes) }],
  ['UUID', { u: new UUID('3f2504e0-4f89-41d3-9a0c-0305e82c3301') }],
  ['Timestamp', { t: new Timestamp({ t: 1700000000, i: 7 }) }],
  ['RegExp', { r: /a.b\/c/im }],
  ['regular expression that JavaScript lacks', { r: new BSONRegExp('(?#comment)a+', 'i') }],
  ['Code, MinKey, MaxKey', { c: new Code('return 1'), min: new MinKey(), max: new MaxKey() }],
  ['BSONSymbol, as string', { s: new BSONSymbol('text') }, { s: 'text' }],
  ['Int32 and Double, as number', { i: new Int32(5), d: new Double(5.5) }, { i: 5, d: 5.5 }],
  ['nested arrays', { a: [[], [[1, [2, ['x', null]]]], [{ b: [] }]] }],
  ['null', { n: null, deep: { n: null } }],
  [
    'undefined, dropped; null in arrays',
    { u: undefined, d: { u: undefined }, a: [1, undefined] },
    { d: {}, a: [1, null] },
  ],
  ['-0', { z: -0, a: [-0, 0] }],
  ['NaN and Infinity', { n: NaN, i: Infinity, m: -Infinity }],
  ['numbers at their limits', { s: Number.MAX_SAFE_INTEGER, e: Number.MIN_VALUE, i: 2 ** 31, j: -(2 ** 31), f: 0.1 }],
  ['unicode keys and texts', { ключ: 'São Paulo', 鍵: '🔑', 'e\u0301': '\u0000nul' }],
  ['keys with dots and dollars', { 'a.b': 1, $price: 2, nested: { $x: 3, 'y.z': 4 }, '': 5 }],
  ['a key __proto__', JSON.parse('{"__proto__":{"polluted":1},"a":1}')],
  ['a string of 1 MB', { text: 'ä'.repeat(524_288) }],
  ['Map, as object', new Map([['a', 1]]), { a: 1 }],
  ['empty object', {}],
  ['array', [1, 'two', { three: id }]],
  ['empty array', []],
  ['string', 'just text'],
  ['empty string', ''],
  ['number', 42.5],
  ['boolean', false],
  ['null as payload', null],
  ['Date as payload', new Date(0)],
  ['ObjectId as payload', id],
  ['Buffer as payload', bytes, new Binary(bytes)],
  ['field _id', { _id: 'mine', a: 1 }],
  ['field _key', { _key: 'mine', a: 1 }],
  [
    'all reserved fields',
    { _id: id, _key: 1, _headers: [], _timestamp: 'x', _partition: 'p', _ts: null, _value: { v: 1 } },
  ],
  ['field _value alone', { _value: 'x' }],
  ['other underscore fields', { _rev: 1, __v: 2, _: 3 }],
  ['reserved names further down', { a: { _id: 1, _key: 2, _ts: 3 } }],
]

describe('round trip', () => {
  const inbox = new Inbox()
  let producer

  before(async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    producer = await broker.createProducer(producerConfig(topic, 2))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    await consumer.subscribe({ handler: async (record) => inbox.push(record) })
  })

  for (const [name, sent, expected = sent] of payloads) {
    it(name, async () => {
      await producer.send({ key: name, value: sent })
      const { message } = await inbox.first((record) => record.message.key === name)
      assert.deepStrictEqual(message.value, expected)
    })
  }

  it('whole message: id, key, headers, timestamp, offset', async () => {
    const timestamp = new Date(Math.floor(Date.now() / 1000) * 1000 + 678) // of today: older messages may expire
    const headers = { eventType: 'purchase.created', source: 'test', 'x-any': [1, { a: id }], n: null }
    await producer.send({ key: 'whole', value: { a: 1 }, headers, timestamp, messageId: 'message-1' })
    const record = await inbox.first((candidate) => candidate.message.id === 'message-1')
    assert.deepStrictEqual(Object.keys(record), ['topic', 'partition', 'message', 'offset', 'timestamp'])
    assert.deepStrictEqual(record.message, { id: 'message-1', key: 'whole', value: { a: 1 }, headers, timestamp })
    assert.ok([0, 1].includes(record.partition))
    assert.match(record.offset._data, /^[0-9A-F]+$/i)
    assert.ok(Math.abs(record.timestamp - Date.now()) < 60_000, 'when it was delivered')
  })

  it('what is left out: no key is undefined, no headers {}, no timestamp now, an id is made', async () => {
    const start = Date.now()
    await producer.send({ value: { bare: true } })
    const { message } = await inbox.first((record) => record.message.value?.bare === true)
    assert.equal(message.key, undefined)
    assert.deepStrictEqual(message.headers, {})
    assert.match(message.id, /^[0-9a-f]{24}$/)
    assert.ok(message.timestamp >= start - 1000 && message.timestamp <= Date.now() + 1000)
  })

  it('null for key, headers and timestamp is as if left out; an empty key, too', async () => {
    await producer.send([
      { value: { nulls: true }, key: null, headers: null, timestamp: null, messageId: null },
      { value: { emptyKey: true }, key: '' },
    ])
    const nulls = await inbox.first((record) => record.message.value?.nulls === true)
    assert.equal(nulls.message.key, undefined)
    assert.deepStrictEqual(nulls.message.headers, {})
    const empty = await inbox.first((record) => record.message.value?.emptyKey === true)
    assert.equal(empty.message.key, undefined)
  })

  it('an array of 60 MB, and a keyless value of 10 MB', async () => {
    const count = 60
    const text = 'x'.repeat(1_000_000)
    await producer.send(Array.from({ length: count }, (_, n) => ({ key: `large-${n % 3}`, value: { n, text } })))
    await producer.send({ value: { keyless: 'y'.repeat(10_000_000) } })
    const isLarge = (record) => record.message.key?.startsWith('large-')
    await inbox.first((record) => record.message.value?.keyless?.length === 10_000_000)
    await inbox.first((record) => isLarge(record) && record.message.value.n === count - 1)
    await inbox.first(() => inbox.items.filter(isLarge).length === count)
    for (const key of ['large-0', 'large-1', 'large-2']) {
      const order = inbox.items.filter((record) => record.message.key === key).map((record) => record.message.value.n)
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      )
      assert.equal(order.length, count / 3)
    }
  })
})
