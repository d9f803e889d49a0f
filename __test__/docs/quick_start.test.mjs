// The program of the README's quick start, in both languages, as it stands there: installed from the packed project, on a
// real server and without one.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { writeAll, writeManifest } from '../cli/tiny_service.mjs'
import { packedBroker } from '../support/packed_broker.mjs'
import { npmInstall } from '../support/run_npm.mjs'
import { RunningProgram } from '../support/running_program.mjs'

const PRELOAD = new URL('announced_interrupts.mjs', import.meta.url).href
const DEADLINE_MS = 2 * 60 * 1000
const READMES = { 'README.md': 'Quick start', 'README.pt-BR.md': 'Primeiros passos' }

/** The first JavaScript under the heading. */
async function programOf(readme) {
  const text = await readFile(new URL(`../../${readme}`, import.meta.url), 'utf8')
  const [_, section] = text.split(`\n## ${READMES[readme]}\n`)
  assert.ok(section, `${readme} has no section '${READMES[readme]}'`)
  const program = /^```js\n(.*?)^```$/ms.exec(section.split('\n## ')[0])?.[1]
  assert.ok(program, `the section '${READMES[readme]}' of ${readme} has no program`)
  return program
}

describe('the quick start', { timeout: DEADLINE_MS }, () => {
  let folder, replicaSet
  before(async () => {
    const tarball = await packedBroker(console.error)
    folder = await mkdtemp(join(tmpdir(), 'csbroker-quick-start-'))
    await writeManifest(folder, 'quick-start', tarball)
    await npmInstall(folder)
    // Of its own: the program uses the database of this name that every service has by default.
    replicaSet = await startReplicaSet()
  })
  after(async () => {
    await replicaSet?.stop()
    if (folder) await rm(folder, { recursive: true })
  })

  for (const readme of Object.keys(READMES)) {
    for (const [place, uri] of [
      ['a real server', () => replicaSet.uri],
      ['no server', () => 'memory://demo'],
    ]) {
      it(`of ${readme} receives what it sends and ends by Ctrl-C, with ${place}`, async () => {
        await writeAll(folder, { 'quick_start.js': await programOf(readme) })
        const args = ['--import', PRELOAD, join(folder, 'quick_start.js')]
        const program = new RunningProgram(args, folder, { MONGODB_BROKER_URI: uri() })
        try {
          await program.printed(/\border-1\b.*\b42\b/)
          await program.printed(/^listens for SIGINT$/)
        } finally {
          assert.deepEqual(await program.stop('SIGINT'), { code: 0, signal: null }, program.log)
        }
      })
    }
  }
})
