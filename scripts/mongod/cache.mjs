// One folder per version. A version appears by a rename, whole or not at all; the lock only spares several processes
// that start at once the same download, correctness does not depend on it.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PROJECT_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const POLL_MS = 200
const WAIT_DEADLINE_MS = 15 * 60 * 1000
/** A lock without a living owner on this host is stale at once; one whose owner cannot be asked, after this time. */
const LOCK_MAX_AGE_MS = 15 * 60 * 1000

export const executableName = process.platform === 'win32' ? 'mongod.exe' : 'mongod'

/** `$CSB_CACHE_DIR/mongod`, or `.cache/mongod` in the project. */
export function cacheDirectory () {
  return join(process.env.CSB_CACHE_DIR || join(PROJECT_ROOT, '.cache'), 'mongod')
}

/** @returns {Promise<string|null>} the path of a cached entry's file, if it is there. */
export async function cachedFile (entry, file) {
  const path = join(cacheDirectory(), entry, file)
  return await exists(path) ? path : null
}

/**
 * Makes the cache entry `entry` unless it exists, and resolves to the path of `file` in it.
 *
 * `fill(directory)` puts the files into a temporary folder. Of several processes one fills, the others wait for it (15
 * minutes at most) and, if it failed, try themselves. `onWait` is called once when there is somebody to wait for.
 */
export async function cacheEntry (entry, file, fill, onWait = () => {}) {
  const lock = join(cacheDirectory(), `.lock-${entry}`)
  await mkdir(cacheDirectory(), { recursive: true })
  const deadline = Date.now() + WAIT_DEADLINE_MS
  for (let waited = false; ; waited = true) {
    const cached = await cachedFile(entry, file)
    if (cached !== null) return cached
    if (await takeLock(lock)) break
    if (!waited) onWait()
    if (Date.now() > deadline) throw new Error(`another process has held ${lock} for 15 minutes: remove it if none is at work`)
    await delay(POLL_MS)
  }
  try {
    return await cachedFile(entry, file) ?? await fillAndPublish(entry, file, fill)
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

async function fillAndPublish (entry, file, fill) {
  await removeAbandoned(entry)
  const temporary = await mkdtemp(join(cacheDirectory(), `.tmp-${entry}-${process.pid}-`))
  const target = join(cacheDirectory(), entry)
  try {
    await fill(temporary)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    const publishedByAnother = error.code === 'ENOTEMPTY' || error.code === 'EEXIST' || error.code === 'EPERM'
    if (!publishedByAnother || !await exists(join(target, file))) throw error
  }
  return join(target, file)
}

async function takeLock (lock) {
  try {
    await mkdir(lock)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (await isStale(lock)) await rm(lock, { recursive: true, force: true })
    return false
  }
  await writeFile(join(lock, 'owner'), JSON.stringify({ pid: process.pid, host: hostname() }))
  return true
}

async function isStale (lock) {
  const created = await stat(lock).then((s) => s.mtimeMs, absent)
  if (created === null) return false
  if (Date.now() - created > LOCK_MAX_AGE_MS) return true
  const owner = await readFile(join(lock, 'owner'), 'utf8').then(parseOwner, absent)
  return owner !== null && owner.host === hostname() && !isAlive(owner.pid)
}

/** Half-filled folders of processes that were killed. */
async function removeAbandoned (entry) {
  const prefix = `.tmp-${entry}-`
  for (const name of await readdir(cacheDirectory())) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length).split('-')[0])
    if (!isAlive(pid)) await rm(join(cacheDirectory(), name), { recursive: true, force: true })
  }
}

function isAlive (pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** An owner file that is half written says nothing yet. */
function parseOwner (text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function absent (error) {
  if (error.code === 'ENOENT') return null
  throw error
}

async function exists (path) {
  return await stat(path).then(() => true, absent) ?? false
}
