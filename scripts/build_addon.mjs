// Builds the native addon for this machine, in release form unless --debug is given. Cargo decides what is stale. Further
// arguments go to `napi build`, such as --target and --use-napi-cross.
import { runStep } from './run_step.mjs'

const NAPI = 'node_modules/@napi-rs/cli/dist/cli.js' // not by npx, which on Windows is no program but a batch file

const further = process.argv.slice(2).filter((arg) => arg !== '--debug')
const debug = process.argv.includes('--debug')
const args = [NAPI, 'build', '--platform', '--manifest-path', 'crates/node-binding/Cargo.toml']
// No JavaScript: lib/load_addon.js loads the addon.
const output = ['--output-dir', '.', '--no-js', '--dts', 'native.d.ts']
const title = debug ? 'build the addon (debug)' : 'build the addon (release; several minutes the first time)'
await runStep(title, process.execPath, [...args, ...(debug ? [] : ['--release']), ...output, ...further])
