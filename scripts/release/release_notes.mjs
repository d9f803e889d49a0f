// Prints what CHANGELOG.md says of the version of package.json. Fails without a dated entry, or if the tag that is given is
// another version's.
//
//   node scripts/release/release_notes.mjs [v2.0.0-alpha.2]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../run_step.mjs'
import { mainManifest } from './platforms.mjs'

const { version, repository } = mainManifest()
const [tag = `v${version}`] = process.argv.slice(2)
try {
  if (tag !== `v${version}`) throw new Error(`the tag is ${tag}, but package.json has version ${version}`)
  console.log(withAbsoluteLinks(withoutLineBreaks(entryOf(version))))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

/** The text between the heading of the version and the next one. */
function entryOf(version) {
  const sections = readFileSync(join(projectRoot, 'CHANGELOG.md'), 'utf8').split(/^## /m)
  const section = sections.find((one) => one.startsWith(`${version} - `))
  if (section === undefined) throw new Error(`CHANGELOG.md has no entry for ${version}`)
  const [heading, ...lines] = section.split('\n')
  if (!/ - \d{4}-\d\d-\d\d$/.test(heading)) throw new Error(`CHANGELOG.md: the entry for ${version} has no date`)
  const text = lines.join('\n').trim()
  if (text === '') throw new Error(`CHANGELOG.md: the entry for ${version} is empty`)
  return text
}

/** On the page of a release, every end of a line is shown as one. */
function withoutLineBreaks(text) {
  return text.replace(/(?<=\S)\n *(?![-#|\s])/g, ' ')
}

/** The page of a release is not beside the files. */
function withAbsoluteLinks(text) {
  const files = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/${tag}`
  return text.replace(/\]\((?!https?:)/g, `](${files}/`)
}
