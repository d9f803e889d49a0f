import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const DEADLINE_MS = 60_000

/**
 * Runs `support/programs/<name>.mjs` in a Node process of its own until that ends by itself. A program writes JSON
 * lines; they come back as `lines`, each with the time `at` which it arrived. One that does not end is killed, and
 * then `signal` is set.
 */
export async function runProgram(name, { args = [], env = {}, nodeArgs = [], within = DEADLINE_MS } = {}) {
  const file = fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  const arrivals = []
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text
  })
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text
    const complete = output.stdout.split('\n').length - 1
    while (arrivals.length < complete) arrivals.push(performance.now())
  })
  let exitedAt
  child.on('exit', () => {
    exitedAt = performance.now()
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), within)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  const text = output.stdout.split('\n').slice(0, arrivals.length)
  const lines = text.flatMap((line, index) => parseLine(line, arrivals[index]))
  return { code, signal, ...output, lines, exitedAt }
}

function parseLine(line, at) {
  return line.startsWith('{') ? [{ ...JSON.parse(line), at }] : []
}
