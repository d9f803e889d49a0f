// Records as they cross from the addon: JSON text where that loses nothing, BSON otherwise. Needs no server.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { serialize } from 'bson'

const { decodeRecord } = createRequire(import.meta.url)('../../lib/decode_record.js')

const decodeBson = (fields) => decodeRecord('orders', 3, Buffer.from(serialize(fields)))
const decodeText = (record) => decodeRecord('orders', 3, JSON.stringify(record))
/** When it was decoded differs. */
const timeless = ({ record, ...rest }) => ({ ...rest, record: { ...record, timestamp: undefined } })

describe('decodeRecord', () => {
  it('gives the same for text and for BSON', () => {
    const at = new Date(1_700_000_000_000)
    const value = { text: 'é😀', number: 1.5, none: null, list: [1, [true]], nested: { a: {} } }
    const whole = { o: '8265', i: 'id', k: 'key', h: { source: 'x' }, t: at, v: value, a: 2, d: true, r: true }
    const text = ['8265', 'id', 'key', at.getTime(), { source: 'x' }, value, 2, true, true]
    assert.deepEqual(timeless(decodeText(text)), timeless(decodeBson(whole)))
    assert.ok(decodeText(text).record.message.timestamp instanceof Date)

    const least = { o: null, i: 'id', k: null, h: {}, t: at, v: 0 }
    const leastText = [null, 'id', null, at.getTime(), {}, 0, 1, false, false]
    assert.deepEqual(timeless(decodeText(leastText)), timeless(decodeBson(least)))
    assert.deepEqual(Object.keys(decodeText(leastText).record.message), Object.keys(decodeBson(least).record.message))
  })

  it('a name that means something to objects is a field like any other', () => {
    const { record } = decodeRecord('orders', 3, '[null,"id",null,0,{},{"__proto__":{"admin":true}},1,false,false]')
    assert.deepEqual(Object.keys(record.message.value), ['__proto__'])
    assert.equal(record.message.value.admin, undefined)
  })

  it('what cannot be read fails alone', () => {
    const { error, record } = decodeRecord('orders', 3, '[null,')
    assert.equal(error.code, 'ERR_CSB_INVALID_MESSAGE')
    assert.equal(record.partition, 3)
  })
})
