// Installs the tarballs of a folder (default: dist/) into an empty project and uses them as a new user does. Needs Node.js
// and npm, nothing else of this repository. Without MONGODB_BROKER_URI the broker keeps its messages in memory.
//
//   node scripts/release/smoke_test.mjs [folder]
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../mongod/run_command.mjs'
import { projectRoot } from '../run_step.mjs'

const PROGRAM = fileURLToPath(new URL('smoke_program.cjs', import.meta.url))

const tarballs = resolve(process.argv[2] ?? join(projectRoot, 'dist'))
const folder = await mkdtemp(join(tmpdir(), 'csbroker-smoke-'))
try {
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  const paths = (await readdir(tarballs)).filter((name) => name.endsWith('.tgz')).map((name) => join(tarballs, name))
  await step('npm', 'install', '--no-audit', '--no-fund', ...paths)
  await step('npx', 'csbroker', '--version')
  await step('npx', 'csbroker', 'init')
  await step('npx', 'csbroker', 'generate')
  await copyFile(PROGRAM, join(folder, 'program.cjs'))
  await step(process.execPath, 'program.cjs')
} finally {
  await rm(folder, { recursive: true })
}

async function step(command, ...args) {
  const isBatchFile = process.platform === 'win32' && command !== process.execPath
  const env = { MONGODB_BROKER_URI: 'memory://smoke', MONGODB_BROKER_DATABASE: 'smoke', ...process.env }
  const { stdout } = await runCommand(command, args, { cwd: folder, env, shell: isBatchFile, timeoutMs: 120_000 })
  console.log(`$ ${[command, ...args].join(' ')}\n${stdout.trim()}`)
}
