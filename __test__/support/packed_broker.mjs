// The broker, packed once per content, under .cache/.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { platformNames } from '../../lib/platform.js'
import { packPackages } from '../../scripts/release/pack_packages.mjs'
import { PLATFORMS, platformManifest, tarballName } from '../../scripts/release/platforms.mjs'
import { publishedManifest } from '../../scripts/release/published_manifest.mjs'
import { runNpm } from './run_npm.mjs'
import { usedEntry } from './used_entry.mjs'

const PROJECT_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** What npm packs whether `files` names it or not. */
const ALWAYS_PACKED = ['package.json', 'README.md', 'LICENSE']

export const PACKAGE = '@dafaz/change-stream-broker'

/**
 * Path of a tarball that has the addon of this machine in it, so that it can be installed alone. It is the same for the
 * same content, so it also stands for the content.
 */
export async function packedBroker(log) {
  const folder = await usedEntry('packed', await contentHash(ALWAYS_PACKED), log, async (fresh) => {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', fresh]
    const { stdout } = await runNpm(args, PROJECT_ROOT)
    const packed = Object.values(JSON.parse(stdout))[0]
    const paths = packed.files.map(({ path }) => path)
    assert.ok(
      paths.some((path) => path.endsWith('.node')),
      `no native addon in the packed files, build it first: ${paths.join(', ')}`,
    )
    await rename(join(fresh, packed.filename), join(fresh, 'broker.tgz'))
  })
  return join(folder, 'broker.tgz')
}

/** Paths of the tarballs as they are published: `main`, and `platform` with the addon of this machine. */
export async function packedPackages(log) {
  const folder = await usedEntry(
    'packages',
    await contentHash([...ALWAYS_PACKED, 'scripts/release/', 'Cargo.lock']),
    log,
    packPackages,
  )
  const [here] = platformNames()
  const tarball = (manifest) => join(folder, tarballName(manifest))
  return {
    main: tarball(publishedManifest()),
    platform: tarball(platformManifest(PLATFORMS.find(({ name }) => name === here))),
  }
}

async function contentHash(more) {
  const { files } = JSON.parse(await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8'))
  const paths = (await Promise.all([...more, ...files].map(matching))).flat().sort()
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`\0${path}\0`).update(await readFile(join(PROJECT_ROOT, path)))
  return hash.digest('hex').slice(0, 16)
}

/** The files that an entry of `files` stands for; a path, a folder or `*` with an ending. */
async function matching(entry) {
  if (entry.startsWith('*')) {
    return (await readdir(PROJECT_ROOT)).filter((name) => name.endsWith(entry.slice(1)))
  }
  if (!entry.endsWith('/')) return [entry]
  const inside = await readdir(join(PROJECT_ROOT, entry), { withFileTypes: true })
  return (await Promise.all(inside.map((one) => matching(`${entry}${one.name}${one.isDirectory() ? '/' : ''}`)))).flat()
}
