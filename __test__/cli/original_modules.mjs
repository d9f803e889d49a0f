// A project's own files as the TypeScript compiler, not csbroker, makes JavaScript of them, and what they export.
import { cp, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { writeFiles } from './project_files.mjs'

const require = createRequire(import.meta.url)
const broker = fileURLToPath(new URL('../../', import.meta.url))
const OWN_FILES = ['change-stream/message-payload.schema.ts', 'change-stream/config.ts']
const NOT_COMPILED = ['.js', '.mjs', '.cjs', '.json']
const MAPS = { defineTopic: 'topics', defineProducer: 'producers', defineConsumer: 'consumers' }
const FUNCTIONS = [...Object.keys(MAPS), 'defineBroker']
/** Which map of the client a configuration belongs to. */
const kinds = new Map()
globalThis[Symbol.for('csbroker.defined')] = (name, config) => kinds.set(config, MAPS[name]) && config

const definitions = FUNCTIONS.map(
  (name) =>
    `exports.${name} = globalThis.${name} = (config) => globalThis[Symbol.for('csbroker.defined')]('${name}', config)\n`,
).join('')
/** Stands for the package: its definitions are remembered. */
const observed = new Map([
  ['package.json', '{ "name": "@dafaz/change-stream-broker", "version": "0.0.0" }'],
  ['define.js', definitions],
  ['index.js', `Object.assign(exports, require(${JSON.stringify(broker)}))\n${definitions}`],
])

/** How the files are compiled, and checked. */
export const compilerOptions = {
  module: 'nodenext',
  target: 'es2022',
  lib: ['es2022'],
  strict: true,
  skipLibCheck: false,
  resolveJsonModule: true,
  allowJs: true,
  experimentalDecorators: true,
  preserveConstEnums: true,
}

/** Compiles projects below `workspace` into its folder `original`, all at once. */
export async function compileOriginals(workspace, projects) {
  const outDir = join(workspace, 'original')
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, workspace)
  const roots = projects.flatMap((project) => OWN_FILES.map((file) => join(project, file))).filter(ts.sys.fileExists)
  ts.createProgram(roots, { ...options, outDir, rootDir: workspace, types: [], noLib: true }).emit()
  await writeFiles(join(outDir, 'node_modules/@dafaz/change-stream-broker'), observed)
  for (const project of projects) await copyNotCompiled(project, join(outDir, relative(workspace, project)))
}

async function copyNotCompiled(from, to) {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyNotCompiled(source, copy)
    else if (NOT_COMPILED.some((ending) => entry.name.endsWith(ending))) await cp(source, copy, { force: false })
  }
}

/** What the client of a project has to export: everything that its own files export by name, and the maps. */
export function loadOriginal(workspace, project) {
  require(join(workspace, 'original/node_modules/@dafaz/change-stream-broker'))
  const exported = {}
  for (const file of OWN_FILES.filter((file) => ts.sys.fileExists(join(project, file)))) {
    const module = require(join(workspace, 'original', relative(workspace, project), file.replace(/ts$/, 'js')))
    for (const name of Object.keys(module)) {
      if (name !== 'default') Object.defineProperty(exported, name, { enumerable: true, get: () => module[name] })
    }
  }
  return exported
}

/** The maps of what `exported` defines. */
export function mapsOf(exported) {
  const entries = Object.entries(exported).filter(([, value]) => kinds.has(value))
  const of = (kind) => Object.fromEntries(entries.filter(([, value]) => kinds.get(value) === kind))
  return Object.fromEntries(Object.values(MAPS).map((kind) => [kind, of(kind)]))
}
