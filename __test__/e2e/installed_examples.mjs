// The examples as a user has them: installed from the packed broker, compiled by tsc. They are made once per content of
// the package and the examples, under .cache/, because installing takes long.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFile, cp, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheDirectory, cacheEntry } from '../../scripts/cache_entry.mjs'
import { runCommand } from '../../scripts/mongod/run_command.mjs'

const PROJECT_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const EXAMPLES = join(PROJECT_ROOT, 'examples')
const PLACE_CLIENT = join(EXAMPLES, 'place_client.mjs')
const PACKAGE = '@dafaz/change-stream-broker'
const NOT_SOURCE = new Set(['node_modules', 'dist', '.env'])
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund']
const UNUSED_AFTER_MS = 24 * 60 * 60 * 1000

/**
 * Packs the project, installs it into copies of the examples `names`, type-checks and builds them, and resolves to the
 * folder that has them. The folder is shared: only read it.
 */
export async function installExamples(names, log) {
  const work = await mkdtemp(join(tmpdir(), 'csbroker-pack-'))
  try {
    const tarball = await packProject(work)
    const sources = (await Promise.all(names.map((name) => sourcesOf(join(EXAMPLES, name))))).flat()
    const entry = await fingerprint(tarball, [PLACE_CLIENT, ...sources])
    return await usedEntry(cacheDirectory('e2e'), entry, log, async (fresh) => {
      await copyFile(tarball, join(fresh, 'broker.tgz'))
      await copyFile(PLACE_CLIENT, join(fresh, 'place_client.mjs'))
      for (const name of names) await installExample(name, fresh, log)
    })
  } finally {
    await rm(work, { recursive: true })
  }
}

async function packProject(destination) {
  const { stdout } = await runNpm(
    ['pack', '--json', '--ignore-scripts', '--pack-destination', destination],
    PROJECT_ROOT,
  )
  const packed = Object.values(JSON.parse(stdout))[0]
  const paths = packed.files.map(({ path }) => path)
  assert.ok(
    paths.some((path) => path.endsWith('.node')),
    `no native addon in the packed files, build it first: ${paths.join(', ')}`,
  )
  return join(destination, packed.filename)
}

async function installExample(name, folder, log) {
  const directory = join(folder, name)
  const manifest = JSON.parse(await readFile(join(EXAMPLES, name, 'package.json'), 'utf8'))
  assert.equal(manifest.dependencies[PACKAGE], 'file:../..')
  const modules = await modulesWithoutBroker(name, manifest, log)

  log(`installing the packed broker into ${name} and building it …`)
  await cp(join(EXAMPLES, name), directory, { recursive: true, filter: isSource })
  await cp(modules, join(directory, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  manifest.dependencies[PACKAGE] = 'file:../broker.tgz'
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest, null, 2))
  await runNpm(INSTALL, directory)
  await runNpm(['run', 'typecheck'], directory)
  // Has just been checked, with change-stream/ in addition.
  await runNpm(['run', 'build', '--', '--noCheck'], directory)
}

/** What the example depends on besides the broker; stays the same while the broker is worked on. */
async function modulesWithoutBroker(name, manifest, log) {
  const {
    dependencies: { [PACKAGE]: _, ...dependencies },
    devDependencies,
  } = manifest
  const others = JSON.stringify({ private: true, dependencies, devDependencies })
  const lock = await readFile(join(EXAMPLES, name, 'package-lock.json'))
  const entry = createHash('sha256').update(others).update(lock).digest('hex').slice(0, 16)
  const folder = await usedEntry(cacheDirectory('e2e-modules'), entry, log, async (fresh) => {
    log(`installing what ${name} depends on (once) …`)
    await writeFile(join(fresh, 'package.json'), others)
    await writeFile(join(fresh, 'package-lock.json'), lock)
    await runNpm(INSTALL, fresh)
  })
  return join(folder, 'node_modules')
}

/** The cache entry, marked as used now; entries that nobody used for a day go when a new one is made. */
async function usedEntry(directory, entry, log, fill) {
  const folder = await cacheEntry(
    directory,
    entry,
    async (fresh) => {
      await removeUnused(directory)
      await fill(fresh)
    },
    () => log('waiting for another process that installs the examples …'),
  )
  await utimes(folder, new Date(), new Date())
  return folder
}

async function removeUnused(directory) {
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const isOld = Date.now() - (await stat(path)).mtimeMs > UNUSED_AFTER_MS
    if (isOld && !name.startsWith('.')) await rm(path, { recursive: true, force: true })
  }
}

async function sourcesOf(directory) {
  const entries = (await readdir(directory, { withFileTypes: true })).filter(({ name }) => !NOT_SOURCE.has(name))
  const files = await Promise.all(
    entries.map((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? sourcesOf(path) : [path]
    }),
  )
  return files.flat().sort()
}

function isSource(path) {
  return !relative(EXAMPLES, path)
    .split(sep)
    .some((part) => NOT_SOURCE.has(part))
}

async function fingerprint(tarball, sources) {
  const hash = createHash('sha256').update(await readFile(tarball))
  for (const file of sources) hash.update(`\0${relative(EXAMPLES, file)}\0`).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

function runNpm(args, cwd) {
  return runCommand('npm', args, { cwd, shell: process.platform === 'win32' })
}
