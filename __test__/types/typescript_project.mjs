// A user's project with this package installed, and what a TypeScript compiler says about it.
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const declarations = ['package.json', 'index.d.ts', 'define.d.ts', 'globals.d.ts', 'types', 'client']
const COMPILE_DEADLINE_MS = 120_000

/** The two TypeScript lines that are supported: the last one in JavaScript, and the native one. */
export const compilers = [
  { name: 'TypeScript 5.9', version: /^5\.9\./, folder: 'typescript' },
  { name: 'TypeScript 7', version: /^7\./, folder: 'typescript-7' },
]

/** Version of an installed compiler. */
export async function compilerVersion({ folder }) {
  return JSON.parse(await readFile(join(root, 'node_modules', folder, 'package.json'), 'utf8')).version
}

/** A folder for projects. It is below the root, so that they find what is installed there. */
export async function createWorkspace() {
  await mkdir(join(root, '.cache'), { recursive: true })
  return mkdtemp(join(root, '.cache', 'types-'))
}

async function write(path, text) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/**
 * A project below `workspace` with a copy of this package (a link would be followed to its real place, where the
 * generated client is not), with `client` as the generated client, and `files` (path -> text).
 */
export async function createProject(workspace, { name, type, client, compilerOptions, files }) {
  const project = join(workspace, name)
  const installed = join(project, 'node_modules')
  const broker = join(installed, '@dafaz/change-stream-broker')
  await Promise.all(declarations.map((entry) => cp(join(root, entry), join(broker, entry), { recursive: true })))
  const generated = join(installed, '.csbroker/client')
  await write(join(generated, 'package.json'), '{"type":"commonjs"}\n')
  await write(join(generated, 'created-by-csbroker-generate.d.ts'), client)
  await write(join(generated, 'created-by-csbroker-generate.d.mts'), client)
  await write(join(project, 'package.json'), JSON.stringify({ name: 'app', private: true, type }))
  await write(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [...files.keys()] }))
  for (const [path, text] of files) await write(join(project, path), text)
  return project
}

function run(script, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd, timeout: COMPILE_DEADLINE_MS })
    const output = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    child.on('error', reject)
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, text: Buffer.concat(output).toString() }))
  })
}

/** Errors of a project: `{ code, file, line, message }`, `line` being the text of the line; sorted by place. */
export async function compile({ folder }, project) {
  const tsc = join(root, 'node_modules', folder, 'bin/tsc')
  const { exitCode, signal, text } = await run(tsc, ['-p', '.', '--noEmit', '--pretty', 'false'], project)
  const errors = await Promise.all(text.split('\n').flatMap((output) => parseError(output, project)))
  if (signal !== null || (exitCode === 0) !== (errors.length === 0)) {
    throw new Error(`tsc ended with ${signal ?? exitCode} and an output that is not understood:\n${text}`)
  }
  return errors
}

function parseError(output, project) {
  const located = /^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(output)
  if (located) {
    const [, path, number, code, message] = located
    return [describeError(project, path, Number(number), code, message)]
  }
  const global = /^error (TS\d+): (.*)$/.exec(output)
  return global ? [{ code: global[1], file: '', line: '', message: global[2] }] : []
}

async function describeError(project, path, number, code, message) {
  const absolute = join(project, path)
  const line = (await readFile(absolute, 'utf8')).split('\n')[number - 1]
  return { code, file: relative(project, absolute).replaceAll('\\', '/'), line, message }
}
