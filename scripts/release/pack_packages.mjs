// Packs what is published into dist/: the main package, and one for each platform whose addon was built. Needs
// cargo, for the licences of the addon's crates.
//
//   npm run pack [-- --all] [-- --destination <folder>]      --all: the addon of every platform has to be there
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand } from '../mongod/run_command.mjs'
import { projectRoot } from '../run_step.mjs'
import { addonFile, LICENSES_FILE, PLATFORMS, platformFiles, tarballName } from './platforms.mjs'
import { publishedManifest } from './published_manifest.mjs'
import { thirdPartyLicenses } from './third_party_licenses.mjs'

/** Packs into the folder `destination`, which is emptied before. Resolves to what npm says of each tarball. */
export async function packPackages(destination, { all = false } = {}) {
  const present = await readdir(projectRoot)
  const isBuilt = (platform) => present.includes(addonFile(platform))
  const missing = PLATFORMS.filter((platform) => !isBuilt(platform)).map(addonFile)
  if (missing.length > 0 && all) throw new Error(`not built: ${missing.join(', ')}`)
  if (missing.length === PLATFORMS.length) throw new Error('no addon is built, run: npm run build')
  await rm(destination, { recursive: true, force: true })
  await mkdir(destination, { recursive: true })
  const staging = await mkdtemp(join(tmpdir(), 'csbroker-pack-'))
  try {
    const packed = [await packFrom(await stageMain(join(staging, 'main')), destination)]
    for (const platform of PLATFORMS.filter(isBuilt)) {
      packed.push(await packFrom(await stagePlatform(platform, join(staging, platform.name)), destination))
    }
    return packed
  } finally {
    await rm(staging, { recursive: true })
  }
}

async function stageMain(folder) {
  const { files } = await runNpmPack(['--dry-run'], projectRoot)
  for (const { path } of files.filter(({ path }) => !path.endsWith('.node'))) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await copyFile(join(projectRoot, path), join(folder, path))
  }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`)
  return folder
}

async function stagePlatform(platform, folder) {
  await mkdir(folder)
  for (const [name, text] of Object.entries(platformFiles(platform))) await writeFile(join(folder, name), text)
  await writeFile(join(folder, LICENSES_FILE), await thirdPartyLicenses(platform))
  for (const file of [addonFile(platform), 'LICENSE']) await copyFile(join(projectRoot, file), join(folder, file))
  return folder
}

function packFrom(folder, destination) {
  return runNpmPack(['--pack-destination', destination], folder)
}

async function runNpmPack(args, cwd) {
  const all = ['pack', '--json', '--ignore-scripts', ...args]
  const { stdout } = await runCommand('npm', all, { cwd, shell: process.platform === 'win32' })
  return Object.values(JSON.parse(stdout))[0]
}

async function main() {
  const { values } = parseArgs({ options: { all: { type: 'boolean' }, destination: { type: 'string' } } })
  const destination = resolve(values.destination ?? join(projectRoot, 'dist'))
  const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`
  for (const { size, unpackedSize, entryCount, ...manifest } of await packPackages(destination, values)) {
    const path = relative(process.cwd(), join(destination, tarballName(manifest)))
    console.log(`${path}: ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${entryCount} files`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
