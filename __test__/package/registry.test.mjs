// Installed from a registry by name alone: the package of the platform comes along, and no other.
import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { platformNames } from '../../lib/platform.js'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { mainManifest, PLATFORMS } from '../../scripts/release/platforms.mjs'
import { npmCi, runPnpm, runYarn, writeYarnSettings } from '../cli/package_managers.mjs'
import { PACKAGE, packedPackages } from '../support/packed_broker.mjs'
import { npmInstall } from '../support/run_npm.mjs'
import { startRegistry } from './local_registry.mjs'

const DEADLINE_MS = 3 * 60 * 1000
const [HERE] = platformNames()
const { version } = mainManifest()
const PROGRAM = fileURLToPath(new URL('programs/load_addon.cjs', import.meta.url))

describe('installed from a registry', { timeout: DEADLINE_MS }, () => {
  let top, registry
  before(async () => {
    top = await mkdtemp(join(tmpdir(), 'csbroker-registry-'))
    registry = await startRegistry(await packedPackages(console.error))
  })
  after(async () => {
    await registry?.close()
    if (top) await rm(top, { recursive: true })
  })

  async function project(name) {
    const folder = join(top, name)
    await mkdir(folder)
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name, private: true, dependencies: { [PACKAGE]: version } }),
    )
    // Caches of its own: another run may have had the same port, and other packages.
    const settings = [`@dafaz:registry=${registry.url}`, `cache=${join(top, 'npm-cache')}`]
    await writeFile(join(folder, '.npmrc'), `${settings.join('\n')}\n`)
    await copyFile(PROGRAM, join(folder, 'load.cjs'))
    return folder
  }

  async function assertLoads(folder, run = (args) => runCommand(process.execPath, args, { cwd: folder })) {
    const { addons, message } = JSON.parse((await run(['load.cjs'])).stdout)
    assert.equal(message, undefined)
    assert.equal(addons.length, 1)
    assert.ok(addons[0].endsWith(`change-stream-broker.${HERE}.node`), addons[0])
  }

  it('by npm: that of this platform only, although the lock file has all', async () => {
    const folder = await project('npm')
    await npmInstall(folder)
    const scope = join(folder, 'node_modules/@dafaz')
    const expected = ['change-stream-broker', `change-stream-broker-${HERE}`]
    assert.deepEqual(await readdir(scope), expected)
    await assertLoads(folder)

    const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))
    const locked = Object.keys(packages).filter((path) => path.includes('change-stream-broker-'))
    assert.equal(locked.length, PLATFORMS.length)
    await npmCi(folder)
    assert.deepEqual(await readdir(scope), expected)
  })

  it('by npm without optional dependencies: none, and the error says so', async () => {
    const folder = await project('without')
    await npmInstall(folder, ['--omit=optional'])
    const { stdout } = await runCommand(process.execPath, ['load.cjs'], { cwd: folder })
    const { code, message } = JSON.parse(stdout)
    assert.equal(code, 'ERR_CSB_ADDON_NOT_LOADED')
    assert.match(message, /Install without --omit=optional/)
  })

  it('by pnpm', async () => {
    const folder = await project('pnpm')
    await appendFile(join(folder, '.npmrc'), `cache-dir=${join(top, 'pnpm-cache')}\n`)
    await runPnpm(['install', '--no-frozen-lockfile'], folder, join(top, 'pnpm-store'))
    const stored = await readdir(join(folder, 'node_modules/.pnpm'))
    assert.equal(stored.filter((name) => name.includes('change-stream-broker-')).length, 1, stored.join())
    await assertLoads(folder)
  })

  it("by Yarn, with Plug'n'Play", async () => {
    const folder = await project('yarn')
    await writeYarnSettings(folder)
    const settings = [
      `npmScopes: { dafaz: { npmRegistryServer: ${JSON.stringify(registry.url)} } }`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      `globalFolder: ${JSON.stringify(join(top, 'yarn-cache'))}`,
    ]
    await appendFile(join(folder, '.yarnrc.yml'), `${settings.join('\n')}\n`)
    await runYarn(['install'], folder)
    await assertLoads(folder, (args) => runYarn(['node', ...args], folder))
  })
})
