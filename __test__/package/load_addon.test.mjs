// Which addon is loaded, and what is said where none can be. Other machines are faked in the process that loads.
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { platformNames } from '../../lib/platform.js'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { mainManifest } from '../../scripts/release/platforms.mjs'
import { PACKAGE } from '../support/packed_broker.mjs'
import { installBroker, installBrokenPlatform, installPlatform, setVersion } from './installed_broker.mjs'

const [HERE] = platformNames()
const { version } = mainManifest()
const file = (name) => fileURLToPath(new URL(`programs/${name}`, import.meta.url))
const DEBIAN = {
  platform: 'linux',
  arch: 'x64',
  ldd: '# GNU C Library',
  report: { header: { glibcVersionRuntime: '2.36' } },
}
const ALPINE = {
  platform: 'linux',
  arch: 'x64',
  ldd: 'exec /lib/ld-musl-x86_64.so.1 --list -- "$@"',
  report: { header: {}, sharedObjects: ['/lib/ld-musl-x86_64.so.1'] },
}

describe('loading the addon', () => {
  let top, folder, broker
  let folders = 0
  before(async () => {
    top = await mkdtemp(join(tmpdir(), 'csbroker-load-'))
  })
  beforeEach(async () => {
    folder = join(top, String(folders++))
    broker = await installBroker(folder)
  })
  after(() => rm(top, { recursive: true }))

  const environment = (machine) => ({ ...process.env, FAKE_PLATFORM: JSON.stringify(machine) })
  const preload = ['--require', file('fake_platform.cjs')]

  /** What came of it on this machine, or on one that is faked. */
  async function load(machine = {}) {
    await copyFile(file('load_addon.cjs'), join(folder, 'load.cjs'))
    const { stdout } = await runCommand(process.execPath, [...preload, join(folder, 'load.cjs')], {
      env: environment(machine),
    })
    const result = JSON.parse(stdout)
    assert.deepEqual(result.before, [], 'it was loaded before it was needed')
    return result
  }

  async function loadFails(machine) {
    const { before, addons, message, cause, ...error } = await load(machine)
    assert.deepEqual(error, {
      isTyped: true,
      name: 'ChangeStreamBrokerError',
      code: 'ERR_CSB_ADDON_NOT_LOADED',
      kind: 'invalid',
      retryable: false,
      effect: 'none',
    })
    assert.deepEqual(addons, [])
    return { message, cause }
  }

  it('is that of the platform', async () => {
    const installed = await installPlatform(folder)
    const { addons } = await load()
    assert.deepEqual(addons, [join(installed, `change-stream-broker.${HERE}.node`)])
  })

  it('is the one that was built in the package, if there is one', async () => {
    const installed = await installPlatform(folder)
    const built = join(broker, `change-stream-broker.${HERE}.node`)
    await copyFile(join(installed, basename(built)), built)
    assert.deepEqual((await load()).addons, [built])
  })

  it('is that of the other C library, where the machine has two', {
    skip: !HERE.endsWith('-gnu') && 'no glibc',
  }, async () => {
    const installed = await installPlatform(folder)
    const machine = { ldd: ALPINE.ldd, report: ALPINE.report }
    assert.deepEqual((await load(machine)).addons, [join(installed, `change-stream-broker.${HERE}.node`)])
    await installBrokenPlatform(folder, HERE.replace(/gnu$/, 'musl'))
    assert.deepEqual((await load(machine)).addons, [join(installed, `change-stream-broker.${HERE}.node`)])
  })

  it('no package of the platform', async () => {
    const { message } = await loadFails(DEBIAN)
    assert.ok(
      message.startsWith(`The native addon of ${PACKAGE} ${version} could not be loaded (linux x64, glibc 2.36,`),
    )
    for (const platform of ['linux-x64-gnu', 'linux-x64-musl']) {
      assert.ok(message.includes(`- change-stream-broker.${platform}.node, built from source: not found\n`), message)
      assert.ok(message.includes(`- ${PACKAGE}-${platform}: not found\n`), message)
    }
    for (const remedy of [/Delete node_modules and package-lock\.json/, /--omit=optional/, /copying node_modules/]) {
      assert.match(message, remedy)
    }
    assert.ok(message.endsWith(`npm install --save-optional ${PACKAGE}-linux-x64-gnu@${version}`), message)
  })

  it('a package of another version', async () => {
    await setVersion(await installPlatform(folder), '1.9.9')
    const { message } = await loadFails()
    assert.ok(message.includes(`- ${PACKAGE}-${HERE}: is version 1.9.9 instead of ${version}\n`), message)
    assert.match(message, /must have the same version\. Delete node_modules and the lock file, and install again\.$/)
  })

  it('only the package of the other C library, which does not load', async () => {
    await installBrokenPlatform(folder, 'linux-x64-gnu')
    const { message, cause } = await loadFails(ALPINE)
    assert.match(message, /\(linux x64, musl, /)
    assert.ok(message.includes(`- ${PACKAGE}-linux-x64-musl: not found\n`), message)
    assert.ok(message.includes(`- ${PACKAGE}-linux-x64-gnu: ${cause}\n`), message)
    assert.ok(message.endsWith(`npm install --save-optional ${PACKAGE}-linux-x64-musl@${version}`), message)
  })

  it('the same, where Node.js is for musl although the machine has glibc', async () => {
    await installBrokenPlatform(folder, 'linux-x64-gnu')
    const { message } = await loadFails({ ...DEBIAN, report: ALPINE.report })
    assert.match(message, /\(linux x64, musl, .*\nTried:\n- change-stream-broker\.linux-x64-gnu\.node/s)
    assert.ok(message.endsWith(`npm install --save-optional ${PACKAGE}-linux-x64-musl@${version}`), message)
  })

  it('a package that the system refuses', async () => {
    await installBrokenPlatform(folder, 'linux-x64-gnu')
    const { message, cause } = await loadFails(DEBIAN)
    assert.ok(cause.includes('change-stream-broker.linux-x64-gnu.node'), cause)
    assert.ok(message.includes(cause), message)
    assert.match(message, /Install again here if node_modules came from another platform/)
  })

  it('a glibc that is too old', async () => {
    await installBrokenPlatform(folder, 'linux-x64-gnu')
    const dlopen =
      "/lib/libc.so.6: version `GLIBC_2.17' not found (required by change-stream-broker.linux-x64-gnu.node)"
    const { message, cause } = await loadFails({ ...DEBIAN, dlopen })
    assert.equal(cause, dlopen)
    assert.match(message, /\nIt needs a newer glibc, 2\.17 at least\. Use a newer system/)
  })

  for (const [platform, machine] of [
    ['freebsd-x64', { platform: 'freebsd', arch: 'x64' }],
    ['linux-riscv64-gnu', { ...DEBIAN, arch: 'riscv64' }],
    ['linux-arm-musleabihf', { ...ALPINE, arch: 'arm' }],
    ['win32-ia32-msvc', { platform: 'win32', arch: 'ia32' }],
  ]) {
    it(`${platform}, which has no package`, async () => {
      const { message } = await loadFails(machine)
      assert.ok(message.includes(`There is no prebuilt addon for ${platform}, only for darwin-arm64, `), message)
      assert.match(message, /Build it from source: https:\/\/github\.com\/asammarco\/change-stream-broker$/)
    })
  }

  for (const [what, report, first, said] of [
    ['musl', ALPINE.report, 'musl', 'musl'],
    ['glibc', DEBIAN.report, 'gnu', 'glibc 2.36'],
    ['nothing', {}, 'gnu', 'unknown C library'],
  ]) {
    it(`without ldd, by the report: ${what}`, async () => {
      const { message } = await loadFails({ ...DEBIAN, ldd: null, report })
      assert.ok(message.includes(`(linux x64, ${said}, Node.js `), message)
      assert.ok(message.includes(`Tried:\n- change-stream-broker.linux-x64-${first}.node`), message)
    })
  }

  it('csbroker says the same, without a stack', async () => {
    const csbroker = join(broker, 'bin/csbroker.js')
    const run = runCommand(process.execPath, [...preload, csbroker, '--version'], { env: environment(DEBIAN) })
    await assert.rejects(run, ({ cause, message }) => {
      assert.equal(cause.code, 70)
      assert.match(message, /Add it to the project: npm install --save-optional/)
      assert.doesNotMatch(message, /\n\s+at /)
      return true
    })
  })
})
