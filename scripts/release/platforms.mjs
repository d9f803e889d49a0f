// The platforms that have a package of their own, and what is in it. `npm/` is written from this table.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../run_step.mjs'

/** `target` is Rust's name of the platform; `title` completes "native addon for …". */
export const PLATFORMS = [
  linux('x64', 'gnu', 'x86_64-unknown-linux-gnu'),
  linux('arm64', 'gnu', 'aarch64-unknown-linux-gnu'),
  linux('x64', 'musl', 'x86_64-unknown-linux-musl'),
  linux('arm64', 'musl', 'aarch64-unknown-linux-musl'),
  { name: 'darwin-x64', target: 'x86_64-apple-darwin', os: 'darwin', cpu: 'x64', title: 'macOS on Intel' },
  { name: 'darwin-arm64', target: 'aarch64-apple-darwin', os: 'darwin', cpu: 'arm64', title: 'macOS on Apple silicon' },
  { name: 'win32-x64-msvc', target: 'x86_64-pc-windows-msvc', os: 'win32', cpu: 'x64', title: 'Windows x64' },
  { name: 'win32-arm64-msvc', target: 'aarch64-pc-windows-msvc', os: 'win32', cpu: 'arm64', title: 'Windows arm64' },
]

function linux(cpu, abi, target) {
  const libc = abi === 'gnu' ? 'glibc' : 'musl'
  return { name: `linux-${cpu}-${abi}`, target, os: 'linux', cpu, libc, title: `Linux ${cpu} with ${libc}` }
}

/** In the package of every platform, written when it is packed (third_party_licenses.mjs). */
export const LICENSES_FILE = 'THIRD_PARTY_LICENSES.txt'

export const mainManifest = () => JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))

/** The file that a build for the platform leaves at the top of the project. */
export const addonFile = (platform) => `change-stream-broker.${platform.name}.node`

export const packageName = (platform) => `@dafaz/change-stream-broker-${platform.name}`

/** What npm calls the tarball of a package. */
export const tarballName = ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`

/** Name -> text of the files in the platform's folder of `npm/`. */
export function platformFiles(platform) {
  return {
    'package.json': `${JSON.stringify(platformManifest(platform), null, 2)}\n`,
    'README.md': readme(platform),
  }
}

export function platformManifest(platform) {
  const { name, version, license, author, repository, engines } = mainManifest()
  return {
    name: packageName(platform),
    version,
    description: `Native addon of ${name} for ${platform.title}`,
    license,
    author,
    repository,
    main: addonFile(platform),
    files: [addonFile(platform), LICENSES_FILE],
    engines,
    type: 'commonjs',
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc && { libc: [platform.libc] }),
    preferUnplugged: true,
  }
}

function readme(platform) {
  return `# ${packageName(platform)}

The native addon of [\`@dafaz/change-stream-broker\`](https://github.com/asammarco/change-stream-broker) for
${platform.title}. Do not install it by hand: it is an optional dependency of that package, and package managers
install the one of their platform.
`
}
