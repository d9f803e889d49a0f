// The licences and notices of the crates that a platform's addon is built from, as one text for its package.
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { runCommand } from '../mongod/run_command.mjs'
import { projectRoot } from '../run_step.mjs'
import { packageName } from './platforms.mjs'

const ADDON_CRATE = 'csb-node-binding'
const NOTICE_FILE = /^(un)?(licen[cs]e|copying|copyright|notice)([-_.](?!rs$).*)?$/i
/** The GPL is only ever one of several to choose from, and not chosen: deny.toml refuses a crate that has no other. */
const NOT_CHOSEN = /gpl/i
/** Folders of a crate that are in no build of its users. */
const UNUSED_FOLDERS = new Set(['benches', 'examples', 'tests'])
const RULE = '-'.repeat(80)

/** Needs cargo, which fetches the sources that are not on this machine. Nothing is compiled. */
export async function thirdPartyLicenses(platform) {
  return licensesText(packageName(platform), await crateNotices(await builtCrates(platform.target)))
}

/** What cargo's metadata says of each crate that the addon is built from, our own left out, by name and version. */
export async function builtCrates(target) {
  const { packages } = JSON.parse(await cargo('metadata', '--format-version', '1', '--filter-platform', target))
  const bySpec = new Map(packages.map((crate) => [`${crate.name} v${crate.version}`, crate]))
  // Which they are, `cargo tree` knows better: metadata also has crates that only our tests or an unused feature bring in.
  const choice = ['--package', ADDON_CRATE, '--edges', 'normal', '--target', target]
  const lines = (await cargo('tree', ...choice, '--prefix', 'none', '--format', '{p}')).trim().split('\n')
  const specs = [...new Set(lines.map((line) => line.split(' ').slice(0, 2).join(' ')))].sort()
  const unknown = specs.filter((spec) => !bySpec.has(spec))
  if (unknown.length > 0) throw new Error(`cargo metadata does not have: ${unknown.join(', ')}`)
  return specs.map((spec) => bySpec.get(spec)).filter(({ source }) => source !== null)
}

async function cargo(command, ...args) {
  const { stdout } = await runCommand('cargo', [command, '--locked', ...args], { cwd: projectRoot })
  return stdout
}

function crateNotices(crates) {
  return Promise.all(
    crates.map(async ({ name, version, license, repository, authors, manifest_path: manifest }) => {
      const notices = await noticeFiles(dirname(manifest))
      return { name, version, license, repository, authors, notices }
    }),
  )
}

async function noticeFiles(folder) {
  const paths = (await readdir(folder, { recursive: true })).filter(isNotice).sort()
  return await Promise.all(
    paths.map(async (path) => ({ path: path.replaceAll(sep, '/'), text: await readFile(join(folder, path), 'utf8') })),
  )
}

function isNotice(path) {
  const name = basename(path)
  const isUsed = !UNUSED_FOLDERS.has(path.split(sep)[0])
  return isUsed && NOTICE_FILE.test(name) && !NOT_CHOSEN.test(name)
}

/** Throws when a crate does not say under which licence it is. */
export function licensesText(title, crates) {
  const unlicensed = crates.filter(({ license }) => !license)
  if (unlicensed.length > 0) throw new Error(`no licence expression: ${unlicensed.map(label).join(', ')}`)
  const withoutFile = crates.filter(({ notices }) => notices.length === 0)
  return `Third-party licences of ${title}

The native addon in this package is built from the crates below, each under the licence beside it. Where a crate leaves
the choice between several, the GPL is not the one that is used, and its text is left out. The texts follow, each once,
with the files that have it. The addon also has the standard library of Rust in it (MIT OR Apache-2.0,
https://github.com/rust-lang/rust).

${crates.map(crateLine).join('\n')}

${withoutFile.length === 0 ? '' : withoutFileSection(withoutFile)}${sharedTexts(crates).map(textSection).join('')}`
}

const label = ({ name, version }) => `${name} ${version}`

const crateLine = (crate) => [`${label(crate)}: ${crate.license}`, crate.repository].filter(Boolean).join(', ')

function withoutFileSection(crates) {
  const lines = crates.map((crate) => [`${label(crate)}: ${crate.license}`, ...crate.authors].join(', '))
  return `${RULE}\nWithout a licence file in the crate; with the authors that it names\n${RULE}\n\n${lines.join('\n')}\n\n`
}

/** Each different text once, with the files that have it as lines. */
function sharedTexts(crates) {
  const filesByText = new Map()
  for (const crate of crates) {
    for (const { path, text } of crate.notices) {
      const same = text.replace(/[ \t\r]+$/gm, '').trim()
      filesByText.set(same, [...(filesByText.get(same) ?? []), `${label(crate)}: ${path}`])
    }
  }
  return [...filesByText].map(([text, files]) => ({ text, files }))
}

const textSection = ({ text, files }) => `${RULE}\n${files.join('\n')}\n${RULE}\n\n${text}\n\n`
