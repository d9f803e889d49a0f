'use strict'

const { name, repository, version } = require('../package.json')
const { facadeError } = require('./errors.js')
const { currentPlatform, PREBUILT_PLATFORMS } = require('./platform.js')

const SOURCE = repository.url.replace(/^git\+|\.git$/g, '')
const NPM_DEFECT = 'https://github.com/npm/cli/issues/4828'

/**
 * The error when no addon could be loaded. Each of `attempts` has `what` was tried, its `platform`, the `problem`
 * ('absent', 'version' or 'refused'), what to say of it as `text`, and perhaps the thrown `cause`.
 */
function addonNotLoaded(attempts) {
  const platform = currentPlatform()
  const lines = [
    `The native addon of ${name} ${version} could not be loaded (${platform.description}, Node.js ${process.versions.node}).`,
    'Tried:',
    ...attempts.map(({ what, text }) => `- ${what}: ${text.replace(/\n/g, '\n  ')}`),
    remedy(platform.name, attempts),
  ]
  // That a file is absent says the text; a stack of it would say no more.
  const refused = attempts.find(({ problem }) => problem === 'refused')
  return facadeError('ERR_CSB_ADDON_NOT_LOADED', lines.join('\n'), { cause: refused?.cause })
}

function remedy(platform, attempts) {
  if (!PREBUILT_PLATFORMS.includes(platform)) {
    return `There is no prebuilt addon for ${platform}, only for ${PREBUILT_PLATFORMS.join(', ')}. Build it from source: ${SOURCE}`
  }
  const own = attempts.filter((attempt) => attempt.platform === platform)
  if (own.some(({ problem }) => problem === 'version')) return VERSION_REMEDY
  const refused = own.find(({ problem }) => problem === 'refused')
  return refused === undefined ? absentRemedy(`${name}-${platform}`) : refusedRemedy(refused)
}

const VERSION_REMEDY = `${name} and the package of the platform must have the same version. Delete node_modules and the lock file, and install again.`

function absentRemedy(packageName) {
  return [
    `${packageName} is an optional dependency that was not installed. Do one of these:`,
    `- Delete node_modules and package-lock.json and run npm install. npm leaves it out when the lock file was made on another platform: ${NPM_DEFECT}`,
    '- Install without --omit=optional, --no-optional and their like.',
    '- Install where the program runs, instead of copying node_modules from another platform.',
    `- Add it to the project: npm install --save-optional ${packageName}@${version}`,
  ].join('\n')
}

function refusedRemedy({ text }) {
  const glibc = /version `GLIBC_([\d.]+)' not found/.exec(text)
  if (glibc !== null) {
    return `It needs a newer glibc, ${glibc[1]} at least. Use a newer system, or build it from source on this one: ${SOURCE}`
  }
  return `It is there, but this system does not load it. Install again here if node_modules came from another platform; else build it from source: ${SOURCE}`
}

module.exports = { addonNotLoaded }
