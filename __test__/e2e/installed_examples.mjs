// The examples as a user has them: installed from the packed broker, compiled by tsc. They are made once per content of
// the package and the examples, under .cache/, because installing takes long.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFile, cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { PACKAGE, packedBroker } from '../support/packed_broker.mjs'
import { npmInstall, runNpm } from '../support/run_npm.mjs'
import { usedEntry } from '../support/used_entry.mjs'
import { EXAMPLES, exampleManifest, modulesWithoutBroker } from './example_modules.mjs'

const NOT_SOURCE = new Set(['node_modules', 'dist', '.env', '.csbroker'])

/**
 * Packs the project, installs it into copies of the examples `names`, type-checks and builds those in TypeScript, and
 * resolves to the folder that has them. The folder is shared: only read it.
 */
export async function installExamples(names, log) {
  const tarball = await packedBroker(log)
  const sources = (await Promise.all(names.map((name) => sourcesOf(join(EXAMPLES, name))))).flat()
  return await usedEntry('e2e', await fingerprint(tarball, sources), log, async (fresh) => {
    await copyFile(tarball, join(fresh, 'broker.tgz'))
    for (const name of names) await installExample(name, fresh, log)
  })
}

async function installExample(name, folder, log) {
  const directory = join(folder, name)
  const manifest = await exampleManifest(name)
  assert.equal(manifest.dependencies[PACKAGE], 'file:../..')
  const modules = await modulesWithoutBroker(name, log)

  log(`installing the packed broker into ${name} and building it …`)
  await cp(join(EXAMPLES, name), directory, { recursive: true, filter: isSource })
  await cp(modules, join(directory, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  manifest.dependencies[PACKAGE] = 'file:../broker.tgz'
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest, null, 2))
  // Its script `postinstall` makes the client.
  await npmInstall(directory)
  await runNpm(['run', '--if-present', 'typecheck'], directory)
  // Has just been checked, with change-stream/ in addition.
  await runNpm(['run', '--if-present', 'build', '--', '--noCheck'], directory)
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
