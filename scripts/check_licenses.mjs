// `npm run check:licenses`: the licences of what ends up in users' hands. Those of the addon's crates by cargo-deny, which
// also looks where they come from (deny.toml); those of the npm packages that the package depends on by the lock file.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot, runStep } from './run_step.mjs'

const ALLOWED = new Set(['Apache-2.0', 'MIT'])

const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8'))
const runTime = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
const refused = runTime.filter(([, { license }]) => !ALLOWED.has(license))
if (refused.length > 0) {
  for (const [path, { license }] of refused) console.error(`✖ ${path}: ${license ?? 'no licence'}`)
  console.error(
    `Allowed are ${[...ALLOWED].join(' and ')}. A new licence is a decision: add it to scripts/check_licenses.mjs.`,
  )
  process.exit(1)
}
console.error(`✔ npm packages: ${runTime.map(([path, { license }]) => `${path} (${license})`).join(', ')}`)

if (spawnSync('cargo', ['deny', '--version'], { stdio: 'ignore' }).status !== 0) {
  console.error('✖ cargo-deny is not installed, so the crates were not checked: cargo install cargo-deny --locked')
  process.exit(1)
}
// The advisories need a network: cargo deny check.
await runStep('licences, bans and sources of the crates', 'cargo', [
  'deny',
  'check',
  '--hide-inclusion-graph',
  'licenses',
  'bans',
  'sources',
])
