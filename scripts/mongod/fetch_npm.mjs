import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { executableName } from './executable.mjs'
import { runCommand } from './run_command.mjs'

const PACKAGE = 'mongodb-memory-server-core@10.4.1'

const DOWNLOAD = `
const { MongoBinary } = require('mongodb-memory-server-core')
const [version, downloadDir] = process.argv.slice(1)
MongoBinary.getPath({ version, downloadDir }).then(
  (path) => process.stdout.write(path),
  (error) => { console.error(error.message); process.exit(1) }
)`

/**
 * Puts mongod `version` into `directory`, as MongoDB publishes it for this platform.
 * Rejects without npm or without open internet.
 */
export async function fetchNpm(version, directory, log) {
  log(`fetching mongod ${version} from its maker (80 MB or more) …`)
  const work = join(directory, 'npm')
  await mkdir(work)
  await writeFile(join(work, 'package.json'), '{"private": true}')
  await runNpm(['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', PACKAGE], work)
  const { stdout } = await runCommand(process.execPath, ['-e', DOWNLOAD, version, join(work, 'download')], {
    cwd: work,
  })
  await copyFile(stdout.trim().split('\n').pop(), join(directory, executableName))
  await chmod(join(directory, executableName), 0o755)
  await rm(work, { recursive: true })
}

/** Inside an npm script npm says where it is; on Windows the one on PATH is a batch file, which needs a shell. */
function runNpm(args, cwd) {
  const entry = process.env.npm_execpath
  if (entry?.endsWith('npm-cli.js')) return runCommand(process.execPath, [entry, ...args], { cwd })
  return runCommand('npm', args, { cwd, shell: process.platform === 'win32' })
}
