import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf } from '../../soak/resource_samples.mjs'

const samplesOf = (cursors) => cursors.map((open) => ({ memoryMb: 67, handles: 36, connections: 43, cursors: open }))

test('takes one high sample for no growth', () => {
  assert.deepEqual(growthOf(samplesOf([5, 5, 6, 5, 8, 11, 5])), [])
})

test('names what all of the last samples have more of', () => {
  const [growth, ...others] = growthOf(samplesOf([5, 5, 6, 8, 9, 10, 12]))
  assert.equal(growth.name, 'cursors')
  assert.deepEqual([growth.from, growth.to], [5, 10])
  assert.deepEqual(others, [])
})
