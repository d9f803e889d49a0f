// The test that docs/testing.md shows passes as it stands there, in an ending process.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { projectRoot } from '../../scripts/run_step.mjs'

it('the test without a server', { timeout: 60_000 }, async () => {
  const page = await readFile(join(projectRoot, 'docs/testing.md'), 'utf8')
  const program = /^```js\n(.*?)^```$/ms.exec(page)?.[1]
  assert.ok(program, 'the page has no program')
  // Inside the project, where the package finds itself by its name.
  const folder = await mkdtemp(join(projectRoot, '__test__/docs/.testing-page-'))
  try {
    const file = join(folder, 'orders.test.cjs')
    await writeFile(file, program)
    await runCommand(process.execPath, [file], { timeoutMs: 50_000 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
