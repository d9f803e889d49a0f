import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const DEADLINE_MS = 30_000

/** Runs `node` with `args` in the project; `ended` resolves to {code, signal, stdout, stderr}. */
export function startNode(args, { env = {}, unset = [] } = {}) {
  const environment = { ...process.env, ...env }
  for (const name of unset) delete environment[name]
  const child = spawn(process.execPath, args, { cwd: projectRoot, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text
    })
  }
  const firstLine = once(createInterface({ input: child.stdout }), 'line').then(([line]) => line)
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }))
  return { child, firstLine, ended }
}

export async function runNode(args, options) {
  return await startNode(args, options).ended
}

/** Resolves when no process `pid` exists any more. */
export async function untilGone(pid) {
  await until(() => !isAlive(pid), `process ${pid} is still alive`)
}

/** Resolves when nothing is at `path` any more. */
export async function untilRemoved(path) {
  await until(() => !existsSync(path), `${path} is still there`)
}

async function until(isTrue, complaint) {
  for (const deadline = Date.now() + DEADLINE_MS; !isTrue(); await delay(20)) {
    if (Date.now() > deadline) throw new Error(`${complaint} after ${DEADLINE_MS / 1000} s`)
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if (error.code === 'ESRCH') return false
    throw error
  }
}
