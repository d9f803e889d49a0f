// Every supported Node.js loads the addon and sends a message through a real server. 16.20.1 is the oldest: Node-API 8,
// which the addon needs, is older, but the `bson` package asks for it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { testDatabase } from '../support/test_database.mjs'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const program = fileURLToPath(new URL('round_trip_program.cjs', import.meta.url))
const { uri, database } = testDatabase('versions')
const platform = `${process.platform}-${process.arch}`

for (const version of ['16.20.1', '16', '18', '20', '22', '24', '26']) {
  test(`Node.js ${version}`, { timeout: 180_000 }, async () => {
    const node = await fetchNode(version)
    const { stdout } = await run(node, [program, uri, database], { timeout: 60_000 })
    assert.ok(stdout.startsWith(`v${version}`) && stdout.endsWith(' ok\n'), stdout)
  })
}

/** The package that carries the executable of one platform, without any script of its own. */
async function fetchNode(version) {
  const prefix = join(root, '.cache', 'node', version)
  const node = join(prefix, 'node_modules', `node-${platform}`, 'bin', 'node')
  if (!existsSync(node)) {
    mkdirSync(prefix, { recursive: true })
    const args = ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--ignore-scripts', '--no-save']
    await run('npm', [...args, `node-${platform}@${version}`], { timeout: 120_000 })
  }
  return node
}
