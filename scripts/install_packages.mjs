// Installs the npm packages of the lock file, unless they are installed already.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot, runStep } from './run_step.mjs'

const stamp = join(projectRoot, 'node_modules', '.installed-lock-hash')

if (readText(stamp) !== lockHash()) {
  await runStep('install npm packages', 'npm', ['ci', '--no-audit', '--no-fund'])
  writeFileSync(stamp, lockHash())
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(projectRoot, 'package-lock.json')))
    .digest('hex')
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
