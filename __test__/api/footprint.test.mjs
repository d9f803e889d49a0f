// What the package costs a process: time to import, memory, connections.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runProgram } from '../support/run_program.mjs'
import { testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('footprint')
const MEGABYTE = 1e6
const ROUNDS = 9

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

async function measure(program, args) {
  const { code, lines, stderr } = await runProgram(program, { args })
  assert.equal(code, 0, stderr)
  return lines[0]
}

/** The median over several processes, because one process may have been disturbed. */
async function medianOf(field, program, args, rounds) {
  const measured = []
  for (let round = 0; round < rounds; round++) measured.push((await measure(program, args))[field])
  return median(measured)
}

describe('import', () => {
  for (const entry of ['index.js', 'define.js']) {
    it(`of ${entry} takes less than 30 ms`, async () => {
      const ms = await medianOf('importMs', 'import_time', [entry], ROUNDS)
      assert.ok(ms < 30, `${ms} ms`)
    })
  }

  it('loads neither the addon nor bson', async () => {
    const { lines, stderr } = await runProgram('import_time', { args: ['index.js'] })
    assert.ok(lines.length === 1, stderr)
    assert.deepEqual(
      lines[0].loaded.filter((file) => /\.node$|bson\.|mongodb|load_addon/.test(file)),
      [],
    )
  })

  it('define.js loads nothing else of the package', async () => {
    const { lines } = await runProgram('import_time', { args: ['define.js'] })
    assert.deepEqual(
      lines[0].loaded.map((file) => file.split('/').pop()),
      ['define.js'],
    )
  })
})

describe('a subscribed process', () => {
  for (const partitions of [1, 64]) {
    it(`with ${partitions} partitions: less than 30 MB over a bare process, at most 8 connections`, async () => {
      const appName = `footprint-${partitions}-${process.pid}`
      const args = ['subscribed', test.uri, test.database, uniqueTopic(), String(partitions), appName]
      const bare = await medianOf('rss', 'subscribed_footprint', ['bare'], 3)
      const subscribed = await medianOf('rss', 'subscribed_footprint', args, 3)
      const extra = (subscribed - bare) / MEGABYTE
      assert.ok(extra < 30, `${extra.toFixed(1)} MB over a bare process`)
      const { connections } = await measure('subscribed_footprint', args)
      assert.ok(connections >= 1 && connections <= 8, `${connections} connections`)
    })
  }
})
