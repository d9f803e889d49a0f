// The packages as they are published, in an empty folder, with Node.js and npm alone; and in a bundle.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { build } from 'esbuild'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { packedPackages } from '../support/packed_broker.mjs'
import { testDatabase } from '../support/test_database.mjs'
import { installBroker, installPlatform } from './installed_broker.mjs'

const DEADLINE_MS = 3 * 60 * 1000
const SMOKE_TEST = 'scripts/release/smoke_test.mjs'
const test = testDatabase('install')

describe('the published packages', { timeout: DEADLINE_MS }, () => {
  let top
  before(async () => {
    top = await mkdtemp(join(tmpdir(), 'csbroker-published-'))
  })
  after(() => rm(top, { recursive: true }))

  it('are installed by npm, make a client, and send and receive on a server', async () => {
    const { main } = await packedPackages(console.error)
    const env = { ...process.env, MONGODB_BROKER_URI: test.uri, MONGODB_BROKER_DATABASE: test.database }
    const { stdout } = await runCommand(process.execPath, [SMOKE_TEST, dirname(main)], { env })
    assert.match(stdout, /\nsent and received on /)
    const topic = await test.db.collection('purchases.new-purchase_p0').find().toArray()
    assert.equal(topic.length, 1, 'the message was not in the database')
  })

  it('go into a bundle, with the addon of the platform beside it', async () => {
    const folder = join(top, 'bundled')
    await installBroker(folder)
    await installPlatform(folder)
    const program = `
const { ChangeStreamBroker } = require('@dafaz/change-stream-broker')
const broker = new ChangeStreamBroker({ mongoUri: 'memory://bundled' })
broker.connect().then(() => broker.disconnect()).then(() => console.log('done'))
`
    await writeFile(join(folder, 'program.cjs'), program)
    const options = { bundle: true, platform: 'node', loader: { '.node': 'copy' }, logLevel: 'silent' }
    const outdir = join(top, 'bundle')
    const { warnings } = await build({ ...options, entryPoints: [join(folder, 'program.cjs')], outdir })
    assert.deepEqual(warnings, [])
    const addons = (await readdir(outdir)).filter((name) => name.endsWith('.node'))
    assert.equal(addons.length, 1)
    await rm(join(folder, 'node_modules'), { recursive: true })
    const { stdout } = await runCommand(process.execPath, [join(outdir, 'program.js')], { cwd: tmpdir() })
    assert.equal(stdout, 'done\n')
  })
})
