// Lines of a history, as `check_history` reads them: one JSON object per line, written at once.
import { writeSync } from 'node:fs'

/**
 * Writes one line to standard output before it returns, so that a process that is killed has claimed nothing that was
 * not written. `process.stdout` would buffer.
 */
export function record(event) {
  const line = Buffer.from(`${JSON.stringify(event)}\n`)
  for (let written = 0; written < line.length; ) {
    try {
      written += writeSync(1, line, written)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}
