// Writes a new version everywhere: npm run set-version -- 2.0.0-alpha.2
import { versionDifferences, writeVersion } from './version_places.mjs'
import { writePlatformPackages } from './write_platform_packages.mjs'

const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/

const [version, ...more] = process.argv.slice(2)
if (!SEMVER.test(version ?? '') || more.length > 0) {
  console.error('usage: npm run set-version -- <version>, such as 2.0.0-alpha.2')
  process.exit(2)
}
writeVersion(version)
writePlatformPackages()
const differences = versionDifferences(version)
if (differences.length > 0) throw new Error(differences.join('\n'))
console.log(`The version is ${version} now. CHANGELOG.md needs an entry for it.`)
