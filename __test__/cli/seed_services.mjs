// The folders of the document's two services before anything of the document is in them: package.json, what the examples
// depend on besides the broker, and those sources of the examples that the document does not show.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { EXAMPLES, exampleManifest, modulesWithoutBroker } from '../e2e/example_modules.mjs'
import { PACKAGE } from '../support/packed_broker.mjs'
import { correct, embedFragment, readSeedFiles, withExtensions } from '../types/seed_document.mjs'

/** The document's text is CommonJS as it stands; as a module it needs `.js` in relative imports. */
export const SERVICES = [
  { name: 'producer', example: 'nestjs-producer', type: 'commonjs' },
  { name: 'consumer', example: 'nestjs-consumer', type: 'module' },
]
const FRAGMENT = 'src/services/purchases.service.ts'
const NOT_AROUND = new Set(['node_modules', 'dist', '.env', '.csbroker', 'change-stream', 'messaging', 'README.md'])

/** Makes the folder of a service. */
export async function createService({ example, type }, folder, log) {
  const from = join(EXAMPLES, example)
  const { dependencies, scripts, ...manifest } = await exampleManifest(example)
  const { [PACKAGE]: _, ...others } = dependencies
  const { postinstall, prebuild, ...ownScripts } = scripts
  const isAround = (path) =>
    !relative(from, path)
      .split(/[\\/]/)
      .some((part) => NOT_AROUND.has(part))
  await cp(from, folder, { recursive: true, filter: isAround })
  await cp(await modulesWithoutBroker(example, log), join(folder, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  const fresh = { ...manifest, type, scripts: ownScripts, dependencies: others }
  await writeFile(join(folder, 'package.json'), JSON.stringify(fresh, null, 2))
  if (type === 'commonjs') await rewrite(join(folder, 'src/main.ts'), withMainFunction)
}

/** Writes the document's files whose path begins like this, with the corrections that are listed in `types/README.md`. */
export async function writeSeedFiles({ name, type }, folder, beginning) {
  const files = (await readSeedFiles()).get(name)
  for (const [path, text] of files) {
    if (!path.startsWith(beginning)) continue
    const whole = path === FRAGMENT ? embedFragment(text, await aroundFragment(join(folder, path))) : text
    const corrected = correct(name, path, whole)
    const isModule = type === 'module' && path.startsWith('src/')
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), isModule ? withExtensions(corrected) : corrected)
  }
}

/** The example's class, without what the document shows of it. */
async function aroundFragment(path) {
  const text = await readFile(path, 'utf8')
  const shown = /^ {4}const docToSend: PurchaseCreatedPayload = \{\n.*?^ {4}await producer\.send\(.*?^ {4}\}\)\n/ms
  if (!shown.test(text)) throw new Error(`${path} has nothing of what the document shows`)
  return text.replace(shown, '    // [...]\n')
}

/** CommonJS has no `await` outside functions. */
function withMainFunction(text) {
  const [imports, program] = text.split('\n\n')
  return `${imports}\n\nasync function main() {\n${program}}\n\nvoid main()\n`
}

async function rewrite(path, change) {
  await writeFile(path, change(await readFile(path, 'utf8')))
}
