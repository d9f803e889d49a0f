// The TypeScript of the user's document: which file each code block is, and which lines a strict compiler refuses.
import { readFile } from 'node:fs/promises'

const documentUrl = new URL('seed/document.md', import.meta.url)

const chapters = [
  { service: 'producer', heading: '## Exemplo de Desenvolvimento de um Producer em NestJS:' },
  { service: 'consumer', heading: '## Exemplo de desenvolvimento do Consumer em NestJS:' },
]

/** The errors of the document's own text under `strict`, and the corrections by which it compiles. */
export const corrections = [
  {
    code: 'TS1005',
    service: 'consumer',
    file: 'src/messaging/messaging.module.ts',
    reportedAt: '\tproviders: [ChangeStreamBrokerService, EnrollmentsService,],',
    line: '  imports: [DatabaseModule]',
    corrected: '  imports: [DatabaseModule],',
  },
  {
    code: 'TS2564',
    service: 'consumer',
    file: 'src/messaging/change-stream.service.ts',
    reportedAt: '\tprivate consumer: ChangeStreamConsumer',
    line: '\tprivate consumer: ChangeStreamConsumer',
    corrected: '\tprivate consumer!: ChangeStreamConsumer',
  },
  {
    code: 'TS18046',
    service: 'consumer',
    file: 'src/messaging/change-stream.service.ts',
    reportedAt: '\t\t\tconsole.error(`Error creating enrollment: ${error.message}`)',
    line: '\t\t\tconsole.error(`Error creating enrollment: ${error.message}`)',
    corrected: '\t\t\tconsole.error(`Error creating enrollment: ${(error as Error).message}`)',
  },
]

function pathOf(heading) {
  const path = heading.replace('#### ', '').replace('[root] / ', '').replaceAll(' / ', '/').trim()
  return path === 'change-stream/config' ? `${path}.ts` : path
}

function blocksOf(chapter) {
  const block = /^(#### (?:\[root\]|src) [^\n]*)\n\n+```(?:text|javascript)\n(.*?)^```$/gms
  return new Map(Array.from(chapter.matchAll(block), ([, heading, code]) => [pathOf(heading), code]))
}

/** Every TypeScript block of the document, byte for byte: service -> path -> text. */
export async function readSeedFiles() {
  const document = await readFile(documentUrl, 'utf8')
  const starts = chapters.map(({ heading }) => document.indexOf(`\n${heading}\n`))
  if (starts.includes(-1)) throw new Error('seed/document.md lacks a chapter')
  return new Map(chapters.map(({ service }, i) => [service, blocksOf(document.slice(starts[i], starts[i + 1]))]))
}

/** `text` with the documented corrections of this file. Throws if a line to correct is not there exactly once. */
export function correct(service, file, text) {
  return corrections
    .filter((correction) => correction.service === service && correction.file === file)
    .reduce((soFar, { line, corrected }) => replaceOnce(soFar, `${line}\n`, `${corrected}\n`), text)
}

/** ES modules name the file in a relative import; the document leaves the extension out. */
export function withExtensions(text) {
  return text.replace(/(from '\.\.?\/[^']+)'/g, "$1.js'")
}

/** The document's `.env`, for every service the same. */
export async function readSeedEnvironment() {
  const document = await readFile(documentUrl, 'utf8')
  const block = /^#### Edite o arquivo \.env da aplicação:\n+```\n(.*?)^```$/gms
  const [text, ...others] = Array.from(document.matchAll(block), ([, text]) => text)
  if (text === undefined || others.some((other) => other !== text)) throw new Error('seed/document.md has no one .env')
  return text
}

/** The commands of `csbroker` that the document names, each once. */
export async function readSeedCommands() {
  const document = await readFile(documentUrl, 'utf8')
  return new Set(Array.from(document.matchAll(/^n[op]x csbroker ([a-z-]+)/gm), ([, command]) => command))
}

/** The fragment between the two `[...]` of the document, put where the class around it has its own. */
export function embedFragment(fragment, surroundings) {
  const [before, code, after] = fragment.split('[...]\n')
  if (before !== '' || after !== '' || code === undefined) throw new Error('the fragment is not between two [...]')
  return replaceOnce(surroundings, '    // [...]\n', code)
}

function replaceOnce(text, search, replacement) {
  const parts = text.split(search)
  if (parts.length !== 2) throw new Error(`found ${parts.length - 1} times instead of once: ${search}`)
  return parts.join(replacement)
}
