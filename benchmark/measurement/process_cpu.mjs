// CPU time of another process, as Linux counts it.
import { readFileSync } from 'node:fs'

/** Linux reports in hundredths of a second, whatever the kernel counts in. */
const TICKS_PER_SECOND = 100

export function cpuSecondsOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the name, which may have spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  return (user + system) / TICKS_PER_SECOND
}
