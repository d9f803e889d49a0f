// Builds the native addon for this machine, in release form unless --debug is given. Cargo decides what is stale.
import { runStep } from './run_step.mjs'

const debug = process.argv.includes('--debug')
const args = ['napi', 'build', '--platform', '--manifest-path', 'crates/node-binding/Cargo.toml']
const output = ['--output-dir', '.', '--js', 'native.js', '--dts', 'native.d.ts']
const title = debug ? 'build the addon (debug)' : 'build the addon (release; several minutes the first time)'
await runStep(title, 'npx', ['--no-install', ...args, ...(debug ? [] : ['--release']), ...output])
