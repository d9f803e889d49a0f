// Measures what importing a file of the package costs, and which files that loads. CPU time: on a machine with nothing
// else to do it is the time that passes, and on a busy one it stays the same.
import { createRequire } from 'node:module'

const entry = new URL(`../../../${process.argv[2]}`, import.meta.url)
const { cache } = createRequire(import.meta.url)
const start = process.cpuUsage()
await import(entry)
const { user, system } = process.cpuUsage(start)
const importMs = (user + system) / 1000
process.stdout.write(`${JSON.stringify({ importMs, loaded: Object.keys(cache) })}\n`)
