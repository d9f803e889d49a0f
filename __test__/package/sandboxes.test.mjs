// Test runners such as Jest give each test file globals of its own. What crosses from the addon must still be what it
// seems to be there, also for the second file of a process.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { testDatabase } from '../support/test_database.mjs'

const PROGRAM = fileURLToPath(new URL('programs/sandboxes.cjs', import.meta.url))
const test = testDatabase('sandboxes')

it('two sandboxes in one process, one after the other', { timeout: 60_000 }, async () => {
  const { stdout } = await runCommand(process.execPath, [PROGRAM, test.uri, test.database], { timeoutMs: 50_000 })
  assert.deepEqual(JSON.parse(stdout), [[], []])
})
