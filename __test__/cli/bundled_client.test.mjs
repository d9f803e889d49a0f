// The client in a bundle of esbuild: it takes the client's files in, and copies the addon beside the bundle.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { build } from 'esbuild'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { packedBroker } from '../support/packed_broker.mjs'
import { npmInstall } from '../support/run_npm.mjs'
import { GENERATE_SCRIPTS, loaded, writeDefinitions, writeManifest, writeUsers } from './tiny_service.mjs'

const DEADLINE_MS = 2 * 60 * 1000
/** What an ES module lacks that CommonJS packages in it count on. */
const COMMON_JS = `
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
const require = createRequire(import.meta.url)
const __filename = fileURLToPath(import.meta.url)
`

describe('a bundle has the client in it', { timeout: DEADLINE_MS }, () => {
  let top
  const service = () => join(top, 'service')
  before(async () => {
    const tarball = await packedBroker(console.error)
    top = await mkdtemp(join(tmpdir(), 'csbroker-bundle-'))
    await writeManifest(service(), 'orders', tarball, { scripts: GENERATE_SCRIPTS })
    await writeDefinitions(service(), 'orders')
    await writeUsers(service(), 'orders')
    await npmInstall(service())
  })
  after(async () => {
    if (top) await rm(top, { recursive: true })
  })

  for (const program of ['load.cjs', 'load.mjs']) {
    for (const [format, extension, banner] of [
      ['cjs', 'cjs', ''],
      ['esm', 'mjs', COMMON_JS],
    ]) {
      it(`${program}, as ${format}, away from node_modules`, async () => {
        const outfile = join(top, `bundles/${program}.${extension}`)
        await build({
          entryPoints: [join(service(), program)],
          bundle: true,
          platform: 'node',
          format,
          banner: { js: banner },
          loader: { '.node': 'copy' },
          outfile,
          logLevel: 'error',
        })
        const { stdout } = await runCommand(process.execPath, [outfile], { cwd: tmpdir() })
        assert.deepEqual(JSON.parse(stdout), loaded('orders'))
      })
    }
  }
})
