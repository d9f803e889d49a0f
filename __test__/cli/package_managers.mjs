// The package managers, each with a cache of its own where it has one that it would share with other projects.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { runNpm } from '../support/run_npm.mjs'
import { writeAll } from './tiny_service.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PNPM = join(ROOT, 'node_modules/pnpm/bin/pnpm.cjs')
const YARN = join(ROOT, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js')

/** `npm ci`, as fast as it goes. */
export function npmCi(cwd, ...options) {
  return runNpm(['ci', '--prefer-offline', '--no-audit', '--no-fund', ...options], cwd)
}

/** Runs pnpm. `store` is where it keeps what it has fetched. */
export function runPnpm(args, cwd, store) {
  return runCommand(process.execPath, [PNPM, ...args, '--store-dir', store, '--prefer-offline'], { cwd })
}

/** Runs Yarn, in a project that has `writeYarnSettings`. */
export function runYarn(args, cwd) {
  return runCommand(process.execPath, [YARN, ...args], { cwd })
}

/** Plug'n'Play, from the registry that npm has: Yarn does not read `.npmrc`. */
export async function writeYarnSettings(folder) {
  const registry = (await runNpm(['config', 'get', 'registry'], ROOT)).stdout.trim()
  const settings = {
    nodeLinker: 'pnp',
    pnpEnableEsmLoader: true,
    enableGlobalCache: false,
    enableImmutableInstalls: false,
    enableTelemetry: false,
    npmRegistryServer: registry,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
  // Without a lock file of its own the folder would count as a part of a project above it.
  await writeAll(folder, { '.yarnrc.yml': lines.join(''), 'yarn.lock': '' })
}
