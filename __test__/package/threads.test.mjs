// Brokers of one process in different threads. A worker that is terminated in the middle of a handler is in
// api/shutdown.test.mjs, several brokers in one thread are in api/shared_deployment.test.mjs.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { testDatabase } from '../support/test_database.mjs'

const PROGRAM = fileURLToPath(new URL('programs/brokers_in_threads.mjs', import.meta.url))
const test = testDatabase('threads')

it('a broker in the main thread and one in a worker, which ends first', { timeout: 60_000 }, async () => {
  const { stdout } = await runCommand(process.execPath, [PROGRAM, test.uri, test.database], { timeoutMs: 50_000 })
  assert.deepEqual(JSON.parse(stdout), {
    values: ['from the main thread', 'from the worker', 'after the worker'],
    said: ['subscribed', 'received from the main thread', 'received from the worker'],
  })
})
