// `npm test`: sets everything up and runs every test. Options:
//
//   --rust   only the Rust tests        --js [words…]   only JavaScript test files whose path has one of the words
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { projectRoot, runStep } from './run_step.mjs'

/** They wait for most of their time. */
const FILES_AT_ONCE = 2
const args = process.argv.slice(2)
const only = args.find((arg) => arg === '--rust' || arg === '--js')
const words = args.filter((arg) => !arg.startsWith('--'))

await runStep('set up', process.execPath, ['scripts/set_up.mjs'])
if (only !== '--js') await runStep('Rust tests', ...withMongod(...rustRunner()))
if (only !== '--rust') {
  const files = testFiles(join(projectRoot, '__test__')).filter(
    (file) => words.length === 0 || words.some((word) => file.includes(word)),
  )
  await runStep(
    'JavaScript tests',
    ...withMongod(process.execPath, '--test', `--test-concurrency=${FILES_AT_ONCE}`, ...files),
  )
}

function withMongod(...command) {
  return [process.execPath, ['scripts/with_mongod.mjs', '--', ...command]]
}

function rustRunner() {
  const hasNextest = spawnSync('cargo', ['nextest', '--version'], { stdio: 'ignore' }).status === 0
  return hasNextest ? ['cargo', 'nextest', 'run', '--workspace'] : ['cargo', 'test', '--workspace']
}

function testFiles(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return testFiles(path)
      return entry.name.endsWith('.test.mjs') ? [relative(projectRoot, path)] : []
    })
    .sort()
}
