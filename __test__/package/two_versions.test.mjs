// An application and one of its libraries may have different versions of the package.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { testDatabase } from '../support/test_database.mjs'
import { installBroker, installPlatform, setVersion } from './installed_broker.mjs'

const PROGRAM = fileURLToPath(new URL('programs/two_versions.cjs', import.meta.url))
const test = testDatabase('two_versions')

it('two versions in one process, each with its own addon, on one server', { timeout: 120_000 }, async (t) => {
  const top = await mkdtemp(join(tmpdir(), 'csbroker-versions-'))
  t.after(() => rm(top, { recursive: true }))
  const folders = []
  for (const version of ['2.1.0', '2.2.0']) {
    const broker = await installBroker(join(top, version))
    await setVersion(broker, version)
    await setVersion(await installPlatform(join(top, version)), version)
    folders.push(broker)
  }
  const { stdout } = await runCommand(process.execPath, [PROGRAM, ...folders, test.uri, test.database])
  const both = ['2.1.0', '2.2.0']
  assert.deepEqual(JSON.parse(stdout.trim().split('\n').at(-1)), {
    received: both.map((version) => [version, both]),
    areSeparate: true,
    knowErrorsOfEachOther: true,
    addons: 2,
  })
})
