// What crosses to the addon for a send. Needs no server.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { deserialize } from 'bson'

const require = createRequire(import.meta.url)
const { encodeMessages } = require('../../lib/encode_messages.js')

const MIB = 1024 * 1024
const read = (parts) => parts.flatMap((part) => deserialize(part, { promoteLongs: false }).m)

describe('encodeMessages', () => {
  it('one message, with everything and with nothing but a value', () => {
    const timestamp = new Date(1234)
    const whole = { key: 'k', value: { a: 1 }, headers: { h: 1 }, timestamp, messageId: 'id' }
    assert.deepEqual(read(encodeMessages(whole, true)), [{ v: { a: 1 }, k: 'k', h: { h: 1 }, t: 1234, i: 'id' }])
    assert.deepEqual(read(encodeMessages({ value: 'x' }, false)), [{ v: 'x' }])
  })

  it('is a Buffer, as the addon takes it', () => {
    assert.ok(encodeMessages({ value: 1 }, true).every(Buffer.isBuffer))
  })

  it('the value as JSON only where the partition depends on it', () => {
    const value = { a: [1, new Date(0)], u: undefined }
    assert.equal(read(encodeMessages({ value }, true))[0].s, '{"a":[1,"1970-01-01T00:00:00.000Z"]}')
    assert.equal('s' in read(encodeMessages({ value }, false))[0], false, 'round-robin')
    assert.equal('s' in read(encodeMessages({ value, key: 'k' }, true))[0], false, 'a key')
  })

  it('an empty key is no key', () => {
    assert.deepEqual(read(encodeMessages({ value: 1, key: '' }, true)), [{ v: 1, s: '1' }])
  })

  it('a value without a JSON form goes without', () => {
    assert.equal('s' in read(encodeMessages({ value: { n: 5n } }, true))[0], false)
    assert.equal('s' in read(encodeMessages({ value: { toJSON() {} } }, true))[0], false)
  })

  it('an empty array has no parts; 2,500 messages have few', () => {
    assert.deepEqual(encodeMessages([], true), [])
    const messages = Array.from({ length: 2_500 }, (_, value) => ({ value, key: 'k' }))
    const parts = encodeMessages(messages, true)
    assert.ok(parts.length <= 3)
    assert.deepEqual(
      read(parts).map((entry) => entry.v),
      messages.map((message) => message.value),
    )
  })

  for (const [name, count, size] of [
    ['40 of 1 MiB', 40, MIB],
    ['3 of 15 MiB', 3, 15 * MIB],
    ['2,000 of 20 KiB', 2_000, 20 * 1024],
  ]) {
    it(`splits what is larger than bson can write: ${name}`, () => {
      const text = 'x'.repeat(size)
      const messages = Array.from({ length: count }, (_, n) => ({ key: 'k', value: { n, text } }))
      const parts = encodeMessages(messages, true)
      assert.ok(parts.length > 1)
      const entries = read(parts)
      assert.deepEqual(
        entries.map((entry) => entry.v.n),
        messages.map((message) => message.value.n),
      )
      assert.ok(entries.every((entry) => entry.v.text === text))
    })
  }

  it('one good message among large ones is not lost, a bad one is named', () => {
    const text = 'x'.repeat(10 * MIB)
    const messages = [text, 'small', text, text].map((value) => ({ value, key: 'k' }))
    assert.deepEqual(
      read(encodeMessages(messages, true)).map((entry) => entry.v.length),
      [text.length, 5, text.length, text.length],
    )
    messages[2] = { value: 'x'.repeat(18 * MIB), key: 'k' }
    assert.throws(() => encodeMessages(messages, true), { code: 'ERR_CSB_MESSAGE_TOO_LARGE', message: /^message 2: / })
  })

  for (const character of ['x', 'ä', '鍵', '🔑']) {
    it(`a value that fits only without its JSON: ${character}`, () => {
      const value = { text: character.repeat(Math.floor((12 * MIB) / Buffer.byteLength(character))), after: 1 }
      const [entry, ...more] = read(encodeMessages({ value }, true))
      assert.equal(more.length, 0)
      assert.deepEqual(entry.v, value)
      assert.equal(entry.s, JSON.stringify(value))
    })
  }

  // bson cuts off silently at the end of its working buffer: every length around it must be refused or be whole.
  for (const character of ['x', 'ä', '鍵', '🔑']) {
    it(`near 17 MiB of ${character} nothing is cut off`, () => {
      const size = Buffer.byteLength(character)
      for (let excess = -2_060; excess <= 8; excess += excess > -16 || excess < -2_040 ? 1 : 97) {
        const value = { a: [[character.repeat(Math.floor((17 * MIB + excess) / size))]] }
        let parts
        try {
          parts = encodeMessages({ value, key: 'k' }, true)
        } catch (error) {
          assert.equal(error.code, 'ERR_CSB_MESSAGE_TOO_LARGE')
          continue
        }
        assert.equal(read(parts)[0].v.a[0][0].length, value.a[0][0].length)
      }
    })
  }
})
