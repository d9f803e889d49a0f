// Fails when a file names another version than package.json, or a package in npm/ is not what platforms.mjs makes of it.
import { mainManifest } from './platforms.mjs'
import { versionDifferences } from './version_places.mjs'
import { platformPackageDifferences } from './write_platform_packages.mjs'

const { version } = mainManifest()
const differences = [...versionDifferences(version), ...platformPackageDifferences()]
if (differences.length > 0) {
  console.error(`${differences.join('\n')}\nThis writes all of them anew: npm run set-version -- ${version}`)
  process.exitCode = 1
}
