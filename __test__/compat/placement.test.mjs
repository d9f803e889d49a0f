// Both versions put a message in the same partition.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { directProducer, packages } from '../support/peer.mjs'
import { producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('compat_placement')

const keys = [
  ...Array.from({ length: 60 }, (_, n) => `order-${n}`),
  '0',
  'a',
  'A',
  ' ',
  'São Paulo',
  'ключ',
  '鍵',
  '🔑',
  'e\u0301',
  '\u0000',
  'x'.repeat(5_000),
  '665f1f77bcf86cd799439011',
]
const values = [
  ...Array.from({ length: 40 }, (_, n) => ({ n, text: `value ${n}` })),
  {},
  { nested: { a: [1, 2, { b: null }] } },
  { at: new Date(0) },
  { u: undefined, a: 1 },
  { ключ: '🔑' },
  { list: [undefined, NaN] },
  { f: 1.5, e: 1e21 },
]
const withKeys = keys.map((key, n) => ({ key, value: { n }, timestamp: new Date() }))
const withoutKeys = values.map((value, n) => ({ value: { ...value, mark: n }, timestamp: new Date() }))
const withEmptyKeys = withoutKeys.slice(0, 20).map((message) => ({ ...message, key: '' }))

/** The partition of each message, by its mark, after `messages` were sent to a topic of its own. */
async function placement(implementation, messages, partitions, partitionStrategy) {
  const topic = uniqueTopic('placement')
  const config = producerConfig(topic, partitions, { partitionStrategy })
  const producer = await directProducer(implementation, config, test)
  for (const message of messages) await producer.send(message)
  await producer.disconnect()
  const places = []
  for (let partition = 0; partition < partitions; partition++) {
    for (const document of await test.db.collection(`${topic}_p${partition}`).find().toArray()) {
      assert.equal(document._partition, partition)
      places.push([document.mark ?? document.n, partition])
    }
  }
  assert.equal(places.length, messages.length)
  return places.sort(([a], [b]) => a - b)
}

describe('placement', () => {
  const cases = [
    ['keys', withKeys],
    ['values without a key', withoutKeys],
    ['empty keys', withEmptyKeys],
  ]
  for (const strategy of ['hash', 'key-based', 'round-robin', undefined]) {
    for (const [name, messages] of cases) {
      it(`${strategy}: ${name}`, async () => {
        for (const partitions of [1, 3, 7]) {
          const [theirs, mine] = await Promise.all(
            Object.values(packages).map((implementation) => placement(implementation, messages, partitions, strategy)),
          )
          assert.deepEqual(mine, theirs, `${partitions} partitions`)
        }
      })
    }
  }
})
