// What is in the tarballs that are published: nothing missing, nothing that is not meant for users, nothing that runs at
// install.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { LICENSES_FILE, PLATFORMS, packageName } from '../../scripts/release/platforms.mjs'
import { PACKAGE, packedPackages } from '../support/packed_broker.mjs'

const ALLOWED = [
  /^(package\.json|LICENSE|README(\.pt-BR)?\.md)$/,
  /^(index|define)\.(js|d\.ts)$/,
  /^globals\.d\.ts$/,
  /^bin\/csbroker\.js$/,
  /^client\/index\.(js|mjs|d\.ts|d\.mts)$/,
  /^lib\/[a-z_]+\.js$/,
  /^types\/[a-z_]+\.d\.ts$/,
]
/** Of a package that runs by itself: these would only be noise, or run something. */
const ABSENT_FIELDS = ['scripts', 'devDependencies', 'napi', 'gypfile', 'bundleDependencies']

async function unpacked(tarball) {
  const list = await runCommand('tar', ['-tzf', tarball])
  const manifest = await runCommand('tar', ['-xzOf', tarball, 'package/package.json'])
  const paths = list.stdout.trim().split('\n')
  return { paths: paths.map((path) => path.replace(/^package\//, '')), manifest: JSON.parse(manifest.stdout) }
}

describe('the main package', () => {
  let paths, manifest
  before(async () => {
    ;({ paths, manifest } = await unpacked((await packedPackages(console.error)).main))
  })

  it('has only the files that it is meant to have', () => {
    assert.deepEqual(
      paths.filter((path) => !ALLOWED.some((pattern) => pattern.test(path))),
      [],
    )
  })

  it('has everything that its manifest names', () => {
    const targets = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(targets))
    const named = [manifest.main, manifest.types, ...targets(manifest.bin), ...targets(manifest.exports)]
    for (const path of named) assert.ok(paths.includes(path.replace(/^\.\//, '')), path)
  })

  it('installs nothing but bson and, if there is one, the package of the platform in the same version', () => {
    assert.deepEqual(Object.keys(manifest.dependencies), ['bson'])
    assert.deepEqual(
      manifest.optionalDependencies,
      Object.fromEntries(PLATFORMS.map((platform) => [packageName(platform), manifest.version])),
    )
  })

  it('runs nothing at install', () => {
    for (const field of ABSENT_FIELDS) assert.ok(!(field in manifest), field)
    assert.ok(!paths.includes('binding.gyp'))
  })
})

describe('the package of a platform', () => {
  it('has the addon and the licences of what is in it, and runs nothing at install', async () => {
    const { paths, manifest } = await unpacked((await packedPackages(console.error)).platform)
    assert.deepEqual(paths.sort(), ['LICENSE', 'README.md', LICENSES_FILE, manifest.main, 'package.json'].sort())
    assert.match(manifest.main, /^change-stream-broker\.[a-z0-9-]+\.node$/)
    assert.ok(manifest.name.startsWith(`${PACKAGE}-`))
    for (const field of [...ABSENT_FIELDS, 'dependencies']) assert.ok(!(field in manifest), field)
  })
})
