// Measures how long importing a file of the package takes, and which files that loads.
import { createRequire } from 'node:module'

const entry = new URL(`../../../${process.argv[2]}`, import.meta.url)
const { cache } = createRequire(import.meta.url)
const start = performance.now()
await import(entry)
const importMs = performance.now() - start
process.stdout.write(`${JSON.stringify({ importMs, loaded: Object.keys(cache) })}\n`)
