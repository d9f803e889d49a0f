// What a client takes from `.env` in the working directory of the process that loads it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const loadEnv = fileURLToPath(new URL('../../crates/cli/src/emit/load_env.js', import.meta.url))
const run = promisify(execFile)

let folder
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'csb-env-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** The variables of a process that has loaded it, without those that it had. */
async function loaded(cwd, env = {}) {
  const program = 'require(process.argv[1]); console.log(JSON.stringify(process.env))'
  const { stdout } = await run(process.execPath, ['-e', program, loadEnv], { cwd, env })
  return JSON.parse(stdout)
}

const lines = [
  ['PLAIN=mongodb://localhost:27017/?replicaSet=rs0', 'mongodb://localhost:27017/?replicaSet=rs0'],
  ['  SPACED =  a b  ', 'a b'],
  ['export EXPORTED=a', 'a'],
  ['EMPTY=', ''],
  ['COMMENTED=a # not a part', 'a'],
  ['HASH=a#b', 'a#b'],
  ['EQUAL=a=b', 'a=b'],
  ['SINGLE=\'a "b" # c\\n\'', 'a "b" # c\\n'],
  ['DOUBLE="a \'b\' # c\\nd\\te\\"f\\\\g"', "a 'b' # c\nd\te\"f\\g"],
  ['BACKTICK=`a "b" \'c\'`', 'a "b" \'c\''],
  ['QUOTED_COMMENTED="a" # not a part', 'a'],
  ['LINES="a\nb"', 'a\nb'],
  ['HALF="a', '"a'],
  ['D.O-T=a', 'a'],
]

for (const [name, end] of Object.entries({ LF: '\n', CRLF: '\r\n' })) {
  it(`reads what people write (${name})`, async () => {
    const cwd = join(folder, name)
    await mkdir(cwd)
    const texts = ['# a comment', ...lines.map(([text]) => text), 'no assignment', '# COMMENT=a']
    await writeFile(join(cwd, '.env'), texts.join(end))
    const expected = lines.map(([text, value]) => [/[\w.-]+(?=[ ]*=)/.exec(text)[0], value])
    assert.deepEqual(await loaded(cwd), Object.fromEntries(expected))
  })
}

it('does not take the mark of the encoding for a part of a name', async () => {
  const cwd = join(folder, 'mark')
  await mkdir(cwd)
  await writeFile(join(cwd, '.env'), '\uFEFFA=1\n')
  assert.deepEqual(await loaded(cwd), { A: '1' })
})

it('leaves alone what the environment has, even if it is empty', async () => {
  const cwd = join(folder, 'present')
  await mkdir(cwd)
  await writeFile(join(cwd, '.env'), 'A=1\nB=2\nC=3\n')
  assert.deepEqual(await loaded(cwd, { A: 'own', B: '' }), { A: 'own', B: '', C: '3' })
})

it('does without a file', async () => {
  const cwd = join(folder, 'absent')
  await mkdir(cwd)
  assert.deepEqual(await loaded(cwd, { A: 'own' }), { A: 'own' })
})

it('says so when there is one that it cannot read', async () => {
  const cwd = join(folder, 'unreadable')
  await mkdir(join(cwd, '.env'), { recursive: true })
  await assert.rejects(loaded(cwd), { stderr: /EISDIR/ })
})
