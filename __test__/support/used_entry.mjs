import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory, cacheEntry } from '../../scripts/cache_entry.mjs'

const UNUSED_AFTER_MS = 24 * 60 * 60 * 1000

/**
 * The folder `entry` of this kind in the cache, made by `fill(folder)` if it is not there, and marked as used now.
 * Entries that nobody used for a day go when a new one is made. The folder is shared: only read it.
 */
export async function usedEntry(kind, entry, log, fill) {
  const directory = cacheDirectory(kind)
  const folder = await cacheEntry(
    directory,
    entry,
    async (fresh) => {
      await removeUnused(directory)
      await fill(fresh)
    },
    () => log(`waiting for another process that makes ${kind}/${entry} …`),
  )
  await utimes(folder, new Date(), new Date())
  return folder
}

/** Other processes may do the same at the same time. */
async function removeUnused(directory) {
  for (const name of await readdir(directory)) {
    if (name.startsWith('.')) continue // it is being made
    const path = join(directory, name)
    const found = await stat(path).catch(() => null)
    if (found !== null && Date.now() - found.mtimeMs > UNUSED_AFTER_MS) await removeEntry(path)
  }
}

async function removeEntry(path) {
  await rm(path, { recursive: true, force: true }).catch((error) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  })
}
