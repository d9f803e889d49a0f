// What the examples depend on besides the broker, installed once per lock file, under .cache/.
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PACKAGE } from '../support/packed_broker.mjs'
import { npmInstall } from '../support/run_npm.mjs'
import { usedEntry } from '../support/used_entry.mjs'

export const EXAMPLES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'examples')

export async function exampleManifest(name) {
  return JSON.parse(await readFile(join(EXAMPLES, name, 'package.json'), 'utf8'))
}

/** Path of a `node_modules` that has all but the broker; it stays the same while the broker is worked on. */
export async function modulesWithoutBroker(name, log) {
  const {
    dependencies: { [PACKAGE]: _, ...dependencies },
    devDependencies,
  } = await exampleManifest(name)
  const others = JSON.stringify({ private: true, dependencies, devDependencies })
  const lock = await readFile(join(EXAMPLES, name, 'package-lock.json'))
  const entry = createHash('sha256').update(others).update(lock).digest('hex').slice(0, 16)
  const folder = await usedEntry('e2e-modules', entry, log, async (fresh) => {
    log(`installing what ${name} depends on (once) …`)
    await writeFile(join(fresh, 'package.json'), others)
    await writeFile(join(fresh, 'package-lock.json'), lock)
    await npmInstall(fresh)
    // npm makes none for an example that depends on the broker alone.
    await mkdir(join(fresh, 'node_modules'), { recursive: true })
  })
  return join(folder, 'node_modules')
}
