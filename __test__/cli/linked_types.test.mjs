// The client as users import it, '@dafaz/change-stream-broker/client': what compiles with it and what does not.
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { compile, compilers, createProject, createWorkspace } from '../types/typescript_project.mjs'
import { generate, goldenSources } from './golden_projects.mjs'
import { writeFiles } from './project_files.mjs'

const CHECK = 'linked_types.test-d.ts'
const options = { strict: true, target: 'es2022', lib: ['es2022'], types: [], skipLibCheck: false }
const resolutions = [
  { type: 'commonjs', module: 'nodenext' },
  { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
]

let workspace
before(async () => {
  workspace = await createWorkspace()
})
after(() => rm(workspace, { recursive: true, force: true }))

for (const { type, ...resolution } of resolutions) {
  describe(`in a project of type ${type}`, { concurrency: 2 }, () => {
    let project
    before(async () => {
      const files = new Map([[CHECK, await readFile(new URL(CHECK, import.meta.url), 'utf8')]])
      const compilerOptions = { ...options, ...resolution }
      project = await createProject(workspace, { name: type, type, client: 'export {}\n', compilerOptions, files })
      await writeFiles(project, await goldenSources('linked-types'))
      const { code, err } = await generate(project, [])
      assert.equal(code, 0, err)
    })

    for (const compiler of compilers) {
      it(`topics have their payload types (${compiler.name})`, async () => {
        assert.deepEqual(await compile(compiler, project), [])
      })
    }
  })
}
