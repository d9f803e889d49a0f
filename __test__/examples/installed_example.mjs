import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before } from 'node:test'
import { exampleManifest } from '../e2e/example_modules.mjs'
import { installExamples } from '../e2e/installed_examples.mjs'
import { ServiceProcess } from '../e2e/service_process.mjs'
import { RunningProgram } from '../support/running_program.mjs'

export const INSTALL_DEADLINE_MS = 10 * 60 * 1000

/**
 * The example `name`, installed from the packed project for the tests of the calling suite, with a working directory
 * that has its .env. Its programs are started as its scripts do it. What is still running after a test is killed.
 */
export function installedExample(name) {
  const running = new Set()
  let folder, cwd

  before(
    async () => {
      folder = join(await installExamples([name], console.error), name)
      cwd = await mkdtemp(join(tmpdir(), `csbroker-${name}-`))
    },
    { timeout: INSTALL_DEADLINE_MS },
  )
  afterEach(async () => {
    await Promise.all([...running].map((program) => program.stop('SIGKILL')))
    running.clear()
  })
  after(async () => {
    if (cwd) await rm(cwd, { recursive: true })
  })

  /** What the script says between `node` and the program, and the program. */
  async function commandOf(script) {
    const { scripts } = await exampleManifest(name)
    const [command, ...args] = scripts[script].split(' ')
    assert.equal(command, 'node', `'${scripts[script]}' is not started by node`)
    return { program: args.pop(), nodeArgs: args }
  }

  return {
    /** Writes .env: .env.example with these values; each of `values` has a line there. */
    async writeEnv(values) {
      const missing = new Set(Object.keys(values))
      const example = await readFile(join(folder, '.env.example'), 'utf8')
      const text = example.replace(/^(\w+)=.*$/gm, (line, variable) => {
        return missing.delete(variable) ? `${variable}="${values[variable]}"` : line
      })
      assert.deepEqual([...missing], [], 'variables that .env.example does not have')
      await writeFile(join(cwd, '.env'), text)
    },

    /** Starts the script, with more arguments. */
    async start(script, ...args) {
      const { program, nodeArgs } = await commandOf(script)
      const started = new RunningProgram([...nodeArgs, join(folder, program), ...args], cwd)
      running.add(started)
      return started
    },

    /** Starts the script `start`, and resolves when the service listens. */
    async startService() {
      const { program, nodeArgs } = await commandOf('start')
      assert.equal(program, 'dist/main.js')
      const service = await ServiceProcess.start(folder, cwd, {}, nodeArgs)
      running.add(service)
      return service
    },

    /** Runs the script to its end, which has to be a good one. */
    async run(script, ...args) {
      const program = await this.start(script, ...args)
      assert.deepEqual(await program.end(), { code: 0, signal: null }, program.log)
      return program
    },

    /** Ends a program by `signal`; it has to end in order. */
    async stop(program, signal) {
      assert.deepEqual(await program.stop(signal), { code: 0, signal: null }, program.log)
    },
  }
}
