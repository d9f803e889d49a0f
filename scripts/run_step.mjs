// Runs one step of a script: says what it does, and stops everything when it fails.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const projectRoot = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the project's root. Resolves with the seconds it took; ends the process when it fails. */
export async function runStep(title, command, args, env = {}) {
  console.error(`\n▶ ${title}\n  ${[command, ...args].join(' ')}`)
  const started = process.hrtime.bigint()
  const child = spawn(command, args, { cwd: projectRoot, stdio: 'inherit', env: { ...process.env, ...env } })
  const [code, signal] = await once(child, 'exit').catch((error) => [error.message, null])
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
  if (code !== 0) {
    console.error(`✖ ${title} failed after ${seconds.toFixed(1)} s (${signal ?? code})`)
    process.exit(1)
  }
  console.error(`✔ ${title}: ${seconds.toFixed(1)} s`)
  return seconds
}
