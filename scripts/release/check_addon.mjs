// Says how large built addons are and which glibc they need, and fails when that is more than it may be.
//
//   node scripts/release/check_addon.mjs [--glibc 2.17] <file.node>…
//
// Without --glibc any glibc will do: only the release builds with an old one.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { compareGlibc, neededGlibc, neededVersions } from './elf_versions.mjs'

// What every installation downloads and unpacks. A quarter above what it was when this was written, so that a dependency
// that weighs much does not slip in.
const MOST_BYTES = 27e6
const MOST_BYTES_PACKED = 11e6

const { values, positionals } = parseArgs({ options: { glibc: { type: 'string' } }, allowPositionals: true })
if (positionals.length === 0) throw new Error('usage: check_addon.mjs [--glibc 2.17] <file.node>…')
const problems = positionals.flatMap((path) => check(path, values.glibc))
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1

function check(path, allowed) {
  const bytes = readFileSync(path)
  const packed = gzipSync(bytes, { level: 9 }).length
  const versions = neededVersions(bytes) ?? []
  const glibc = neededGlibc(versions)
  const file = basename(path)
  console.log(
    `${file}: ${megabytes(bytes.length)}, packed ${megabytes(packed)}, ${glibc ? `glibc ${glibc}` : 'no glibc'}`,
  )
  return [
    bytes.length > MOST_BYTES && `${file} is larger than ${megabytes(MOST_BYTES)}`,
    packed > MOST_BYTES_PACKED && `${file} is larger than ${megabytes(MOST_BYTES_PACKED)} packed`,
    glibc && /-musl\./.test(file) && `${file} needs glibc, but it is for musl`,
    glibc && allowed && compareGlibc(glibc, allowed) > 0 && `${file} needs glibc ${glibc}, newer than ${allowed}`,
  ].filter(Boolean)
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
