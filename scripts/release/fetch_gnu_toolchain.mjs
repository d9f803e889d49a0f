// Fetches the compiler of an old Linux (glibc 2.17) to where `napi build --use-napi-cross` looks for it:
//
//   node scripts/release/fetch_gnu_toolchain.mjs x86_64-unknown-linux-gnu
//
// napi fetches it by itself only in the version of @napi-rs/cross-toolchain, in which not every toolchain is published.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { runCommand } from '../mongod/run_command.mjs'

const TOOLCHAINS = {
  'x86_64-unknown-linux-gnu': '@napi-rs/cross-toolchain-x64-target-x86_64@1.0.0',
  'aarch64-unknown-linux-gnu': '@napi-rs/cross-toolchain-x64-target-aarch64@1.0.3',
}

const [target] = process.argv.slice(2)
if (!(target in TOOLCHAINS)) throw new Error(`usage: fetch_gnu_toolchain.mjs ${Object.keys(TOOLCHAINS).join('|')}`)
if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the toolchains run on Linux x64 only')
const { version } = createRequire(import.meta.url)('@napi-rs/cross-toolchain/package.json')
const folder = join(homedir(), '.napi-rs/cross-toolchain', version, target)
if (!existsSync(join(folder, 'package.json'))) await fetchInto(folder)
console.log(folder)

async function fetchInto(folder) {
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(`${folder}-`)
  const { stdout } = await runCommand('npm', ['pack', TOOLCHAINS[target], '--json', '--pack-destination', work])
  const [{ filename }] = Object.values(JSON.parse(stdout))
  await runCommand('tar', ['-xzf', join(work, filename), '-C', work])
  const toolchain = join(work, 'toolchain')
  await mkdir(toolchain)
  await runCommand('tar', ['-xJf', join(work, 'package', `${target}.tar.xz`), '-C', toolchain])
  await writeFile(join(toolchain, 'package.json'), '{}\n') // by this napi sees that it is there
  await rename(toolchain, folder)
  await rm(work, { recursive: true })
}
