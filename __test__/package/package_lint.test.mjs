// What publint and "Are the types wrong?" say of the packages.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { packedPackages } from '../support/packed_broker.mjs'

const PUBLINT = 'node_modules/publint/src/cli.js'
const ATTW = 'node_modules/@arethetypeswrong/cli/dist/index.js'
const run = (...args) => runCommand(process.execPath, args)

describe('linters of packages', () => {
  let packages
  before(async () => {
    packages = await packedPackages(console.error)
  })

  for (const which of ['main', 'platform']) {
    it(`publint finds nothing in the ${which} package`, async () => {
      const { stdout } = await run(PUBLINT, packages[which], '--strict')
      assert.match(stdout, /All good!/)
    })
  }

  it('the types are right in every resolution', async () => {
    await run(ATTW, packages.main, '--exclude-entrypoints', 'client')
  })

  it('so are those of ./client, except that its target is only there after `csbroker generate`', async () => {
    const check = [ATTW, packages.main, '--entrypoints', 'client']
    await run(...check, '--ignore-rules', 'internal-resolution-error')
    await assert.rejects(run(...check), 'the exception is not needed any more')
  })
})
