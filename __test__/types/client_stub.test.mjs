// The client before `csbroker generate` and after it, as Node loads it.
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const stubs = fileURLToPath(new URL('../../client', import.meta.url))
const workspaces = []
after(() => Promise.all(workspaces.map((path) => rm(path, { recursive: true, force: true }))))

/** An installed package with `generated` (file name -> text) as the client; returns the paths of the two stubs. */
async function install(generated) {
  const workspace = await mkdtemp(join(tmpdir(), 'csb-client-'))
  workspaces.push(workspace)
  const modules = join(workspace, 'node_modules')
  const client = join(modules, '@dafaz/change-stream-broker/client')
  await cp(stubs, client, { recursive: true })
  for (const [name, text] of Object.entries(generated)) {
    const path = join(modules, '.csbroker/client', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  return { cjs: join(client, 'index.js'), esm: pathToFileURL(join(client, 'index.mjs')).href }
}

const require = createRequire(import.meta.url)

test('before generate, require says what to run', async () => {
  const { cjs } = await install({})
  assert.throws(() => require(cjs), {
    code: 'CSBROKER_NO_CLIENT',
    message: '@dafaz/change-stream-broker/client has not been generated for this project. Run: npx csbroker generate',
  })
})

test('before generate, import names the file that generate creates', async () => {
  const { esm } = await install({})
  await assert.rejects(import(esm), { code: 'ERR_MODULE_NOT_FOUND', message: /created-by-csbroker-generate\.mjs/ })
})

test('after generate, both give the client', async () => {
  const { cjs, esm } = await install({
    'created-by-csbroker-generate.js': "exports.brokerConfig = { mongoUri: 'cjs' }\n",
    'created-by-csbroker-generate.mjs': "export const brokerConfig = { mongoUri: 'esm' }\n",
  })
  assert.deepEqual(require(cjs).brokerConfig, { mongoUri: 'cjs' })
  assert.deepEqual((await import(esm)).brokerConfig, { mongoUri: 'esm' })
})

test('a module that the client itself lacks is reported as it is', async () => {
  const { cjs } = await install({ 'created-by-csbroker-generate.js': "require('./config.js')\n" })
  assert.throws(() => require(cjs), { code: 'MODULE_NOT_FOUND', message: /Cannot find module '\.\/config\.js'/ })
})

test('an error of the client is reported as it is', async () => {
  const { cjs } = await install({ 'created-by-csbroker-generate.js': "throw new TypeError('of the client')\n" })
  assert.throws(() => require(cjs), { name: 'TypeError', message: 'of the client' })
})
