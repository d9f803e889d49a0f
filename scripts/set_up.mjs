// Everything that a fresh clone needs before anything runs: npm packages and the native addon.
import './install_packages.mjs'
import { runStep } from './run_step.mjs'

await runStep('set up the addon', process.execPath, ['scripts/build_addon.mjs', ...process.argv.slice(2)])
