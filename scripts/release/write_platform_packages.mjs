// Writes `npm/`, one package per platform, from the table in platforms.mjs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectRoot } from '../run_step.mjs'
import { PLATFORMS, platformFiles } from './platforms.mjs'

const FOLDER = join(projectRoot, 'npm')

export function writePlatformPackages() {
  rmSync(FOLDER, { recursive: true, force: true })
  for (const [path, text] of expectedFiles()) {
    mkdirSync(dirname(join(FOLDER, path)), { recursive: true })
    writeFileSync(join(FOLDER, path), text)
  }
}

/** What in `npm/` is missing, too much or other than the table wants it, as lines for a person. */
export function platformPackageDifferences() {
  const expected = expectedFiles()
  const present = readdirSync(FOLDER).flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((name) => `${folder}/${name}`),
  )
  const isSame = (path) => present.includes(path) && readFileSync(join(FOLDER, path), 'utf8') === expected.get(path)
  return [
    ...[...expected.keys()]
      .filter((path) => !isSame(path))
      .map((path) => `npm/${path}: other than platforms.mjs has it`),
    ...present.filter((path) => !expected.has(path)).map((path) => `npm/${path}: not in platforms.mjs`),
  ]
}

/** Path in `npm/` -> text, of all files that belong there. */
function expectedFiles() {
  return new Map(
    PLATFORMS.flatMap((platform) =>
      Object.entries(platformFiles(platform)).map(([name, text]) => [`${platform.name}/${name}`, text]),
    ),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writePlatformPackages()
