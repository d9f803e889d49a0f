// The golden folders: small projects, each with the client (`expected/`) and the messages (`expected.txt`) that
// `csbroker generate` has to make of it.
import { spawn } from 'node:child_process'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { writeFiles } from './project_files.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const golden = fileURLToPath(new URL('golden/', import.meta.url))
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const DEADLINE_MS = 60_000
const MESSAGES = 'expected.txt'
const CLIENT = 'expected'

/** Where the client of a copy is. */
export const CLIENT_FOLDER = 'client'

/** Names of all golden folders. */
export async function goldenNames() {
  const entries = await readdir(golden, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

/** The files of a golden folder, without what is expected of it: path -> text. */
export async function goldenSources(name) {
  const files = await readFiles(join(golden, name))
  return new Map([...files].filter(([path]) => path !== MESSAGES && !path.startsWith(`${CLIENT}/`)))
}

/** Copies a golden folder, without what is expected of it; returns the path of the copy. */
export async function copyProject(name, workspace) {
  const project = join(workspace, name)
  const isInput = (path) => ![CLIENT, MESSAGES].some((expected) => path === join(golden, name, expected))
  await cp(join(golden, name), project, { recursive: true, filter: isInput })
  return project
}

/** Runs `csbroker generate` as a user does; CSBROKER_BIN is a program to use instead of `bin/csbroker.js`. */
export function generate(project, args = ['--out', CLIENT_FOLDER]) {
  const program = process.env.CSBROKER_BIN
    ? [process.env.CSBROKER_BIN]
    : [process.execPath, join(root, 'bin/csbroker.js')]
  const [command, ...before] = program
  // Nothing of the environment decides what is printed.
  const env = { PATH: process.env.PATH, HOME: project, LANG: 'C.UTF-8', NO_COLOR: '1' }
  const child = spawn(command, [...before, 'generate', ...args], { cwd: project, env, timeout: DEADLINE_MS })
  const [out, err] = [[], []]
  child.stdout.on('data', (chunk) => out.push(chunk))
  child.stderr.on('data', (chunk) => err.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() })
    })
  })
}

/** All files below a folder: path with `/` -> text. Empty if there is no such folder. */
export async function readFiles(folder, below = '') {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(noSuchFolder)
  const files = new Map()
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = below + entry.name
    const inner = entry.isDirectory()
      ? await readFiles(folder, `${path}/`)
      : [[path, await readFile(join(folder, path), 'utf8')]]
    for (const [name, text] of inner) files.set(name, text)
  }
  return files
}

/** What is expected of a golden folder. */
export async function expectation(name) {
  const messages = await readFile(join(golden, name, MESSAGES), 'utf8').catch(() => '')
  return { messages, client: await readFiles(join(golden, name, CLIENT)) }
}

/** A result as it is expected: without the version, which changes. */
export function withoutVersion(client) {
  return new Map(
    Array.from(client, ([path, text]) => [path, text.replace(`csbroker ${version} `, 'csbroker VERSION ')]),
  )
}

/** Makes a result the expected one. */
export async function expectFromNowOn(name, { messages, client }) {
  const before = await expectation(name)
  if (isDeepStrictEqual(before, { messages, client })) return
  const folder = join(golden, name)
  await Promise.all([
    rm(join(folder, CLIENT), { recursive: true, force: true }),
    rm(join(folder, MESSAGES), { force: true }),
  ])
  if (messages !== '') await writeFile(join(folder, MESSAGES), messages)
  await writeFiles(join(folder, CLIENT), client)
}

function noSuchFolder(error) {
  if (error.code === 'ENOENT') return []
  throw error
}
