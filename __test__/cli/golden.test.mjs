// `csbroker generate` on the golden folders: the bytes of the client, what Node makes of it, what compilers say about it.
// UPDATE_GOLDEN=1 makes the results the expected ones; look at the difference before you keep it.
import assert from 'node:assert/strict'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile, compilers, createWorkspace } from '../types/typescript_project.mjs'
import { comparable } from './comparable_values.mjs'
import {
  CLIENT_FOLDER,
  copyProject,
  expectation,
  expectFromNowOn,
  generate,
  goldenNames,
  readFiles,
  withoutVersion,
} from './golden_projects.mjs'
import { compilerOptions, compileOriginals, loadOriginal, mapsOf } from './original_modules.mjs'
import { writeTypeAgreement } from './type_agreement.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const require = createRequire(import.meta.url)
const ENTRY = 'created-by-csbroker-generate'
/** What keeps two runs apart. */
const LOCK = ['.csbroker/.gitignore', '.csbroker/lock']
const LOAD_ENV = 'created-by-csbroker-load-env.js'
const loadEnvSource = new URL('../../crates/cli/src/emit/load_env.js', import.meta.url)
const isRefused = (name) => name.startsWith('error-')
const names = (await goldenNames()).filter((name) => name.includes(process.env.GOLDEN ?? ''))
const accepted = names.filter((name) => !isRefused(name))
/** What the projects read from the environment. */
const environment = { ORDERS_URI: 'mongodb://orders', ORDERS_DATABASE: 'orders', TOPIC_PREFIX: 'env', ASSIGNED: '0,1' }

let workspace
const projectOf = (name) => join(workspace, name)

before(async () => {
  Object.assign(process.env, environment)
  workspace = await createWorkspace()
  const installed = join(workspace, 'node_modules/@dafaz')
  await mkdir(installed, { recursive: true })
  await symlink(root, join(installed, 'change-stream-broker'), 'junction')
  await writeFile(join(workspace, 'package.json'), '{ "type": "commonjs" }\n')
  for (const name of names) await copyProject(name, workspace)
})
after(() => rm(workspace, { recursive: true, force: true }))

describe('generate', { concurrency: 2 }, () => {
  for (const name of accepted) {
    it(`writes the client of ${name}, and the same again`, async () => {
      const client = join(projectOf(name), CLIENT_FOLDER)
      const first = await generate(projectOf(name))
      assert.equal(first.code, 0, first.err)
      const written = await readFiles(client)
      const result = { messages: first.err, client: withoutVersion(written) }
      // The same in all clients.
      assert.equal(result.client.get(LOAD_ENV).replace(/^.*\n/, ''), await readFile(loadEnvSource, 'utf8'))
      assert.equal(result.client.get('package.json'), '{\n  "type": "commonjs"\n}\n')
      for (const file of [LOAD_ENV, 'package.json']) result.client.delete(file)
      if (process.env.UPDATE_GOLDEN) await expectFromNowOn(name, result)
      assert.deepEqual(result, await expectation(name))
      const second = await generate(projectOf(name))
      assert.equal(second.out, '✔ client up to date\n')
      assert.deepEqual(await readFiles(client), written)
    })
  }

  for (const name of names.filter(isRefused)) {
    it(`refuses ${name} and writes nothing`, async () => {
      const files = await readFiles(projectOf(name))
      const { code, out, err } = await generate(projectOf(name))
      if (process.env.UPDATE_GOLDEN) await expectFromNowOn(name, { messages: err, client: new Map() })
      assert.deepEqual({ code, out, err }, { code: 1, out: '', err: (await expectation(name)).messages })
      const now = await readFiles(projectOf(name))
      for (const own of LOCK) now.delete(own)
      assert.deepEqual(now, files)
    })
  }
})

describe('the client in Node', () => {
  before(() => compileOriginals(workspace, accepted.map(projectOf)))

  for (const name of accepted) {
    it(`gives the values of ${name}, required and imported`, async () => {
      const entry = join(projectOf(name), CLIENT_FOLDER, ENTRY)
      const required = require(`${entry}.js`)
      const imported = await import(pathToFileURL(`${entry}.mjs`).href)
      const original = loadOriginal(workspace, projectOf(name))
      for (const change of [() => {}, (exported) => exported.change?.()]) {
        for (const exported of [required, imported, original]) await change(exported)
        const expected = comparable({ ...mapsOf(original), ...original })
        assert.deepEqual(comparable({ ...required }), expected)
        assert.deepEqual(comparable({ ...imported }), expected)
      }
    })
  }
})

const resolutions = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

describe('the types of the clients', { concurrency: 2 }, () => {
  let checks
  before(async () => {
    checks = await Promise.all(accepted.map((name) => writeTypeAgreement(projectOf(name))))
  })

  for (const compiler of compilers) {
    for (const resolution of resolutions) {
      it(`hold, and agree with those of the files (${compiler.name}, ${resolution.moduleResolution})`, async () => {
        const project = join(workspace, `${compiler.folder}-${resolution.moduleResolution}`)
        await mkdir(project)
        await writeFile(
          join(project, 'tsconfig.json'),
          JSON.stringify({
            compilerOptions: {
              ...compilerOptions,
              ...resolution,
              types: ['node', '@dafaz/change-stream-broker/globals'],
            },
            files: checks.flat().map((file) => relative(project, file)),
          }),
        )
        assert.deepEqual(await compile(compiler, project), [])
      })
    }
  }
})
