// The main package as it is installed, without an installer: so that what an installer does right can be wrong.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { addonFile, PLATFORMS, platformManifest } from '../../scripts/release/platforms.mjs'
import { PACKAGE, packedPackages } from '../support/packed_broker.mjs'

const BSON = fileURLToPath(new URL('../../node_modules/bson', import.meta.url))

/** Puts the main package and bson into the node_modules of `folder`; resolves to the folder of the package. */
export async function installBroker(folder) {
  const { main } = await packedPackages(console.error)
  const target = join(folder, 'node_modules', PACKAGE)
  await unpack(main, target)
  await cp(BSON, join(folder, 'node_modules/bson'), { recursive: true })
  return target
}

/** The package of this machine's platform, as it was built. */
export async function installPlatform(folder) {
  const { platform } = await packedPackages(console.error)
  const { name } = JSON.parse((await runCommand('tar', ['-xzOf', platform, 'package/package.json'])).stdout)
  const target = join(folder, 'node_modules', name)
  await unpack(platform, target)
  return target
}

/** A package of the platform `name` whose addon no system loads. */
export async function installBrokenPlatform(folder, name) {
  const platform = PLATFORMS.find((one) => one.name === name)
  const manifest = platformManifest(platform)
  const target = join(folder, 'node_modules', manifest.name)
  await mkdir(target, { recursive: true })
  await writeFile(join(target, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(target, addonFile(platform)), 'This is no library, on any system, although it has such a name.')
}

/** Another version number in the manifest of an installed package. */
export async function setVersion(installed, version) {
  const path = join(installed, 'package.json')
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), version }))
}

async function unpack(tarball, target) {
  await mkdir(target, { recursive: true })
  await runCommand('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
}
