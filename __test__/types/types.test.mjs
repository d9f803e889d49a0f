// What a user's compiler says: about the document's own text, about what must and must not compile, about our files.
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { correct, corrections, embedFragment, readSeedFiles, withExtensions } from './seed_document.mjs'
import { compile, compilers, compilerVersion, createProject, createWorkspace } from './typescript_project.mjs'

const own = (path) => readFile(new URL(path, import.meta.url), 'utf8')
const base = { strict: true, target: 'es2022', lib: ['es2022'], types: [] }
const strictest = { ...base, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false }
// skipLibCheck: the declarations of NestJS and Node are not ours to check, and ours are checked with `strictest`.
const nest = {
  ...base,
  types: ['node'],
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  isolatedModules: true,
}

const ownResolutions = [
  { name: 'node16-cjs', type: 'commonjs', module: 'node16' },
  { name: 'node16-esm', type: 'module', module: 'node16' },
  { name: 'bundler', type: 'module', module: 'esnext', moduleResolution: 'bundler' },
]
// NestJS 12 is ESM only: CommonJS may import it under nodenext, but not under node16.
const nestResolutions = [
  { name: 'nodenext-cjs', type: 'commonjs', module: 'nodenext' },
  { name: 'nodenext-esm', type: 'module', module: 'nodenext' },
  { name: 'bundler', type: 'module', module: 'esnext', moduleResolution: 'bundler' },
]

const seedPaths = {
  producer: [
    'change-stream/config.ts',
    'change-stream/message-payload.schema.ts',
    'src/messaging/change-stream.service.ts',
    'src/messaging/messaging.module.ts',
    'src/services/purchases.service.ts',
  ],
  consumer: [
    'change-stream/config.ts',
    'change-stream/message-payload.schema.ts',
    'src/messaging/change-stream.service.ts',
    'src/messaging/messaging.module.ts',
  ],
}
const surroundingPaths = [
  'producer/change-stream/csbroker-env.d.ts',
  'consumer/change-stream/csbroker-env.d.ts',
  'consumer/src/database/database.module.ts',
  'consumer/src/http/services/enrollments.service.ts',
]
const fragmentPath = 'producer/src/services/purchases.service.ts'

/** The document's two services, each in its folder, changed by `change(service, path, text)`, and what is around. */
async function readDocument(change = (_service, _path, text) => text) {
  const files = new Map()
  for (const [service, texts] of await readSeedFiles()) {
    for (const [path, text] of texts) files.set(`${service}/${path}`, change(service, path, text))
  }
  for (const path of surroundingPaths) files.set(path, await own(`seed/surroundings/${path}`))
  const surroundings = await own(`seed/surroundings/${fragmentPath}`)
  return files.set(fragmentPath, embedFragment(files.get(fragmentPath), surroundings))
}

function asModules(files) {
  return new Map(Array.from(files, ([path, text]) => [path, withExtensions(text)]))
}

function expectedErrors(codes) {
  return corrections
    .filter(({ code }) => codes.includes(code))
    .map(({ code, service, file, reportedAt }) => ({ code, file: `${service}/${file}`, line: reportedAt }))
}

it('finds every TypeScript block of the document', async () => {
  const files = await readSeedFiles()
  for (const [service, paths] of Object.entries(seedPaths)) assert.deepEqual([...files.get(service).keys()], paths)
})

for (const compiler of compilers) {
  describe(compiler.name, { concurrency: 2 }, () => {
    let workspace
    before(async () => {
      assert.match(await compilerVersion(compiler), compiler.version)
      workspace = await createWorkspace()
    })
    after(() => rm(workspace, { recursive: true, force: true }))

    async function errorsOf(name, { type, module, moduleResolution }, options, files) {
      const compilerOptions = { ...options, module, ...(moduleResolution && { moduleResolution }) }
      const client = await own('generated_client.d.ts')
      const project = await createProject(workspace, { name, type, client, compilerOptions, files })
      return compile(compiler, project)
    }

    for (const resolution of nestResolutions) {
      it(`compiles the corrected document and what mixes with other packages' types (${resolution.name})`, async () => {
        const corrected = await readDocument(correct)
        const files = resolution.name === 'nodenext-esm' ? asModules(corrected) : corrected
        files.set('driver_types.test-d.ts', await own('driver_types.test-d.ts'))
        assert.deepEqual(await errorsOf(`document-${resolution.name}`, resolution, nest, files), [])
      })
    }

    it("reports the document's missing comma and no other syntax error", async () => {
      const parseOnly = { ...nest, noResolve: true, noLib: true }
      const errors = await errorsOf('syntax', nestResolutions[0], parseOnly, await readDocument())
      assert.deepEqual(
        errors.map(({ message, ...place }) => place),
        expectedErrors(['TS1005']),
      )
    })

    it("reports the document's two lines that strict refuses and no other", async () => {
      const files = await readDocument()
      files.delete('consumer/src/messaging/messaging.module.ts') // its syntax error would hide all others
      const errors = await errorsOf('semantics', nestResolutions[0], nest, files)
      assert.deepEqual(
        errors.map(({ message, ...place }) => place),
        expectedErrors(['TS2564', 'TS18046']),
      )
    })

    for (const resolution of ownResolutions) {
      it(`accepts and refuses what it should, our declarations checked (${resolution.name})`, async () => {
        const names = ['typed.test-d.ts', 'handlers.test-d.ts', 'transactions.test-d.ts', 'release_1_4_2.test-d.ts']
        const files = new Map(await Promise.all(names.map(async (name) => [name, await own(name)])))
        assert.deepEqual(await errorsOf(`typed-${resolution.name}`, resolution, strictest, files), [])
      })
    }
  })
}
