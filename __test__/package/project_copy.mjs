// What the scripts of a release read and write, as a copy: they work on the project that they are in.
import { readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = [
  'package.json',
  'package-lock.json',
  'Cargo.toml',
  'Cargo.lock',
  'README.md',
  'README.pt-BR.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `examples/${name}/package-lock.json`),
  'npm',
  'scripts/run_step.mjs',
  'scripts/mongod/run_command.mjs',
  'scripts/release',
]

/** The folder of a copy, removed when the test `t` is over. */
export async function copyProject(t) {
  const folder = await mkdtemp(join(tmpdir(), 'csbroker-copy-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const path of COPIED) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await cp(join(ROOT, path), join(folder, path), { recursive: true })
  }
  return folder
}
