import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheEntry } from '../cache_entry.mjs'
import { mongodCache } from './executable.mjs'
import { runCommand } from './run_command.mjs'

const ENTRY = 'openssl-1.1'
const LIBRARIES = ['libcrypto.so.1.1', 'libssl.so.1.1']
const PACKAGE = 'libssl1.1'
/** The last Debian release that has the package. */
const RELEASE = 'bullseye'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The name of the cache entry that has OpenSSL 1.1's libraries: Debian's package, unpacked, never installed.
 *
 * Rejects where apt-get or dpkg-deb are missing or the package cannot be had, saying what would help.
 */
export async function openssl11Entry(log) {
  await cacheEntry(mongodCache(), ENTRY, (directory) => fetchPackage(directory, log))
  return ENTRY
}

async function fetchPackage(directory, log) {
  log('fetching OpenSSL 1.1 (2 MB) …')
  const work = join(directory, 'work')
  await mkdir(work)
  try {
    const archive = await downloadPackage(work)
    await runCommand('dpkg-deb', ['-x', archive, work])
  } catch (error) {
    throw new Error(
      `this mongod needs OpenSSL 1.1, and Debian's package ${PACKAGE} could not be had (${error.message}). ` +
        `Install it, or put ${LIBRARIES.join(' and ')} into ${join(dirname(directory), ENTRY)}, or use --version 6.0.5`,
      { cause: error },
    )
  }
  const unpacked = join(work, 'usr/lib/x86_64-linux-gnu')
  for (const library of LIBRARIES) await rename(join(unpacked, library), join(directory, library))
  await rm(work, { recursive: true })
}

async function downloadPackage(work) {
  let failure
  try {
    await runCommand('apt-get', ['download', PACKAGE], { cwd: work, timeoutMs: 60_000 })
  } catch (error) {
    failure = error
  }
  if (failure) await downloadFromOlderRelease(work)
  const archive = (await readdir(work)).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get download left no package', { cause: failure })
  return join(work, archive)
}

/** The machine's own Debian mirror also has the older release; apt state of our own keeps the machine's untouched. */
async function downloadFromOlderRelease(work) {
  const { stdout } = await runCommand('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'])
  const mirror = stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (mirror === undefined)
    throw new Error(`apt-get download ${PACKAGE}: none of this machine's sources is a Debian mirror`)
  await writeFile(join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror} ${RELEASE} main\n`)
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  await mkdir(join(work, 'archives/partial'), { recursive: true })
  const own = [
    '-o',
    `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
    '-o',
    'Dir::Etc::sourceparts=-',
    '-o',
    `Dir::State::lists=${join(work, 'lists')}`,
    '-o',
    `Dir::Cache=${work}`,
    '-o',
    'Debug::NoLocking=1',
    '-o',
    'APT::Sandbox::User=',
  ]
  await runCommand('apt-get', [...own, 'update'], { cwd: work, timeoutMs: 180_000 })
  await runCommand('apt-get', [...own, 'download', PACKAGE], { cwd: work, timeoutMs: 60_000 })
}
