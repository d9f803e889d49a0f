// What CONTRIBUTING.md names is there: scripts, aliases of Cargo, files and folders.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../scripts/mongod/run_command.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
const FILE = /^[\w.][\w./-]*\.(?:rs|m?js|ts|toml|json|md)$/
const FOLDER = /^[\w.][\w./-]*\/$/
/** Why it is not there is what CONTRIBUTING.md says of it. */
const NOT_HERE = new Set(['rust-toolchain.toml', '.cache/'])

describe('CONTRIBUTING.md', async () => {
  const text = await read('CONTRIBUTING.md')
  const quoted = Array.from(text.matchAll(/`([^`\n]+)`/g), ([_, code]) => code)

  it('names npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await read('package.json'))
    const named = new Set(Array.from(text.matchAll(/\bnpm (?:run )?(test\b|(?<=run )[\w:-]+)/g), ([_, name]) => name))
    assert.ok(named.size > 10)
    assert.deepEqual(
      [...named].filter((name) => scripts[name] === undefined),
      [],
    )
  })

  it('names files and folders that exist', async () => {
    const { stdout } = await runCommand('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT })
    const files = stdout.split('\n').map((path) => `/${path}`)
    const exists = (path) =>
      files.some((file) => (FOLDER.test(path) ? file.includes(`/${path}`) : file.endsWith(`/${path}`)))
    const named = quoted.filter((code) => (FILE.test(code) || FOLDER.test(code)) && !NOT_HERE.has(code))
    assert.ok(named.length > 30)
    assert.deepEqual(
      named.filter((path) => !exists(path)),
      [],
    )
  })
})
