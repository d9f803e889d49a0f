import { execFile } from 'node:child_process'

const TEN_MINUTES = 10 * 60 * 1000
const LINES_OF_OUTPUT = 5

/**
 * Runs a command to its end and resolves to what it printed.
 *
 * Rejects when it cannot be started, exits with another code than 0 or takes longer than `timeoutMs` (default 10
 * minutes); the error's message has the end of what it said.
 */
export function runCommand(command, args, { timeoutMs = TEN_MINUTES, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 }
    execFile(command, args, { ...limits, ...options }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr })
      else reject(new Error(`${command}: ${reasonOf(error, stdout, stderr, timeoutMs)}`, { cause: error }))
    })
  })
}

function reasonOf(error, stdout, stderr, timeoutMs) {
  if (error.code === 'ENOENT') return 'not found'
  if (error.killed) return `did not finish in ${timeoutMs / 1000} s`
  const said = [stdout, stderr].flatMap((text) => text.trim().split('\n').slice(-LINES_OF_OUTPUT)).filter(Boolean)
  return said.length === 0 ? `exit code ${error.code ?? error.signal}` : said.join(' | ')
}
