import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { platformNames } from '../../lib/platform.js'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { compareGlibc, neededGlibc, neededVersions } from '../../scripts/release/elf_versions.mjs'
import { runNode } from '../scripts/child_process_probe.mjs'

const [HERE] = platformNames()
const ADDON = fileURLToPath(new URL(`../../change-stream-broker.${HERE}.node`, import.meta.url))
const glibc = { skip: !HERE.endsWith('-gnu') && 'the addon of this machine does not need glibc' }

describe('the addon of this machine', () => {
  let folder
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'csbroker-addon-'))
  })
  after(() => rm(folder, { recursive: true }))
  const check = (...args) => runNode(['scripts/release/check_addon.mjs', ...args])

  it('is within the limits of its size', async () => {
    const { code, stdout, stderr } = await check(ADDON)
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^change-stream-broker\\.${HERE}\\.node: [\\d.]+ MB, packed [\\d.]+ MB, `))
  })

  it('needs the glibc that readelf says', glibc, async (t) => {
    const readelf = await runCommand('readelf', ['--version-info', '--wide', ADDON]).catch((error) => {
      if (error.message.endsWith('not found')) return undefined
      throw error
    })
    if (readelf === undefined) return t.skip('there is no readelf')
    const [, needs] = readelf.stdout.split('.gnu.version_r')
    const expected = [...needs.matchAll(/Name: (\S+)/g)].map(([, name]) => name)
    const found = neededVersions(await readFile(ADDON))
    assert.deepEqual(found.map(({ version }) => version).sort(), expected.sort())
    assert.ok(found.some(({ library, version }) => library === 'libc.so.6' && version === 'GLIBC_2.2.5'))
  })

  it('is refused where it needs a newer glibc than it may, or any although it is for musl', glibc, async () => {
    const tooNew = await check('--glibc', '2.2', ADDON)
    assert.equal(tooNew.code, 1)
    assert.match(tooNew.stderr, /needs glibc \d+\.\d+, newer than 2\.2$/m)
    const musl = join(folder, 'change-stream-broker.linux-x64-musl.node')
    await copyFile(ADDON, musl)
    assert.match(
      (await check(musl)).stderr,
      /^change-stream-broker\.linux-x64-musl\.node needs glibc, but it is for musl$/m,
    )
  })

  it('is refused where it is too large', async () => {
    const large = join(folder, 'change-stream-broker.win32-x64-msvc.node')
    await writeFile(large, randomBytes(30e6))
    const { code, stderr } = await check(large)
    assert.equal(code, 1)
    assert.match(stderr, /is larger than \d+\.\d MB\n.*is larger than \d+\.\d MB packed\n/)
  })
})

describe('glibc versions', () => {
  const versions = (...names) => names.map((version) => ({ library: 'libc.so.6', version }))

  it('are compared by number', () => {
    assert.equal(neededGlibc(versions('GLIBC_2.9', 'GLIBC_2.17', 'GLIBC_2.2.5')), '2.17')
    assert.equal(neededGlibc(versions('GCC_3.0', 'GLIBC_PRIVATE')), undefined)
    assert.ok(compareGlibc('2.17', '2.9') > 0)
    assert.equal(compareGlibc('2.17', '2.17'), 0)
  })

  it('are not looked for in what is no ELF file', () => {
    assert.equal(neededVersions(Buffer.from('MZ and so on, as on Windows')), undefined)
    assert.equal(neededVersions(Buffer.alloc(0)), undefined)
  })
})
