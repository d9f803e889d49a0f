// Folders that are costly to make and made once. An entry appears by a rename, whole or not at all; the lock only spares
// several processes that start at once the same work, correctness does not depend on it.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const POLL_MS = 200
const WAIT_DEADLINE_MS = 15 * 60 * 1000
/** A lock without a living owner on this host is stale at once; one whose owner cannot be asked, after this time. */
const LOCK_MAX_AGE_MS = 15 * 60 * 1000

/** `$CSB_CACHE_DIR`, or `.cache` in the project; `name` is the kind of entries. */
export function cacheDirectory(name) {
  return join(process.env.CSB_CACHE_DIR || join(PROJECT_ROOT, '.cache'), name)
}

/**
 * Makes the folder `entry` in `directory` unless it exists, and resolves to its path.
 *
 * `fill(folder)` puts the content into a temporary folder. Of several processes one fills, the others wait for it (15
 * minutes at most) and, if it failed, try themselves. `onWait` is called once when there is somebody to wait for.
 */
export async function cacheEntry(directory, entry, fill, onWait = () => {}) {
  const target = join(directory, entry)
  const lock = join(directory, `.lock-${entry}`)
  await mkdir(directory, { recursive: true })
  const deadline = Date.now() + WAIT_DEADLINE_MS
  for (let waited = false; ; waited = true) {
    if (await exists(target)) return target
    if (await takeLock(lock)) break
    if (!waited) onWait()
    if (Date.now() > deadline)
      throw new Error(`another process has held ${lock} for 15 minutes: remove it if none is at work`)
    await delay(POLL_MS)
  }
  try {
    if (!(await exists(target))) await fillAndPublish(directory, entry, fill)
    return target
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

async function fillAndPublish(directory, entry, fill) {
  await removeAbandoned(directory, entry)
  const temporary = await mkdtemp(join(directory, `.tmp-${entry}-${process.pid}-`))
  try {
    await fill(temporary)
    await rename(temporary, join(directory, entry))
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    const isThereAlready = error.syscall === 'rename' && (await exists(join(directory, entry)))
    if (!isThereAlready) throw error
  }
}

async function takeLock(lock) {
  try {
    await mkdir(lock)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (await isStale(lock)) await rm(lock, { recursive: true, force: true })
    return false
  }
  try {
    await writeFile(join(lock, 'owner'), JSON.stringify({ pid: process.pid, host: hostname() }))
    return true
  } catch (error) {
    // Another process took it for the stale lock that stood here a moment ago.
    if (error.code === 'ENOENT') return false
    throw error
  }
}

async function isStale(lock) {
  const created = await stat(lock).then((s) => s.mtimeMs, absent)
  if (created === null) return false
  if (Date.now() - created > LOCK_MAX_AGE_MS) return true
  const owner = await readFile(join(lock, 'owner'), 'utf8').then(parseOwner, absent)
  return owner !== null && owner.host === hostname() && !isAlive(owner.pid)
}

/** Half-filled folders of processes that were killed. */
async function removeAbandoned(directory, entry) {
  const prefix = `.tmp-${entry}-`
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length).split('-')[0])
    if (!isAlive(pid)) await rm(join(directory, name), { recursive: true, force: true })
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** An owner file that is half written says nothing yet. */
function parseOwner(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function absent(error) {
  if (error.code === 'ENOENT') return null
  throw error
}

export async function exists(path) {
  return (await stat(path).then(() => true, absent)) ?? false
}
