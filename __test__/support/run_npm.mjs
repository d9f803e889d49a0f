import { runCommand } from '../../scripts/mongod/run_command.mjs'

const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund']

/** Runs `npm` with these arguments to its end and resolves to what it printed. */
export function runNpm(args, cwd, options = {}) {
  return runCommand('npm', args, { cwd, shell: process.platform === 'win32', ...options })
}

/** `npm install`, as fast as it goes. */
export function npmInstall(cwd, packages = []) {
  return runNpm([...INSTALL, ...packages], cwd)
}
