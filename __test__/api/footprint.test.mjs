// What the package costs a process: time to import, memory, connections.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runProgram } from '../support/run_program.mjs'
import { testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('footprint')
const MEGABYTE = 1e6
const ROUNDS = 9
/** 20 on a quiet machine; the addon or the driver beside it would be hundreds. */
const MOST_IMPORT_MS = 60
/** 26 with 64 partitions. */
const MOST_MEGABYTES = 40

async function measure(program, args) {
  const { code, lines, stderr } = await runProgram(program, { args })
  assert.equal(code, 0, stderr)
  return lines[0]
}

/** The least of several processes: what else runs on the machine only adds to it. */
async function leastOf(field, program, args, rounds) {
  const measured = []
  for (let round = 0; round < rounds; round++) measured.push((await measure(program, args))[field])
  return Math.min(...measured)
}

describe('import', () => {
  for (const entry of ['index.js', 'define.js']) {
    it(`of ${entry} takes little of the processor`, async () => {
      const ms = await leastOf('importMs', 'import_time', [entry], ROUNDS)
      assert.ok(ms < MOST_IMPORT_MS, `${ms} ms`)
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
    it(`with ${partitions} partitions: less than ${MOST_MEGABYTES} MB over a bare process, at most 8 connections`, async () => {
      const appName = `footprint-${partitions}-${process.pid}`
      const args = ['subscribed', test.uri, test.database, uniqueTopic(), String(partitions), appName]
      const bare = await leastOf('rss', 'subscribed_footprint', ['bare'], 3)
      const subscribed = await leastOf('rss', 'subscribed_footprint', args, 3)
      const extra = (subscribed - bare) / MEGABYTE
      assert.ok(extra < MOST_MEGABYTES, `${extra.toFixed(1)} MB over a bare process`)
      const { connections } = await measure('subscribed_footprint', args)
      assert.ok(connections >= 1 && connections <= 8, `${connections} connections`)
    })
  }
})
