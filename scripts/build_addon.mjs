// Builds the native addon for this machine: in release form, with --debug for debugging, with --dist as it is published.
// Cargo decides what is stale.
import { runStep } from './run_step.mjs'

const forms = {
  '--debug': { name: 'debug', options: [] },
  '--dist': { name: 'as it is published', options: ['--profile', 'dist'] },
}
const { name, options } = forms[process.argv.find((arg) => arg in forms)] ?? {
  name: 'release; several minutes the first time',
  options: ['--release'],
}
const args = ['napi', 'build', '--platform', '--manifest-path', 'crates/node-binding/Cargo.toml']
const output = ['--output-dir', '.', '--js', 'native.js', '--dts', 'native.d.ts']
await runStep(`build the addon (${name})`, 'npx', ['--no-install', ...args, ...options, ...output])
