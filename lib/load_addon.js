'use strict'

const { name, version } = require('../package.json')
const { addonNotLoaded } = require('./addon_not_loaded.js')
const { platformNames } = require('./platform.js')
const { requireAddon } = require('./require_addon.js')

/** The addon that was built in this package, else the one of the platform's package. */
function loadAddon() {
  const attempts = []
  for (const platform of platformNames()) {
    const addon = builtAddon(platform, attempts) ?? packagedAddon(platform, attempts)
    if (addon !== undefined) return addon
  }
  throw addonNotLoaded(attempts)
}

function builtAddon(platform, attempts) {
  const file = `change-stream-broker.${platform}.node`
  return tryRequire(`../${file}`, { what: `${file}, built from source`, platform }, attempts)
}

function packagedAddon(platform, attempts) {
  const request = `${name}-${platform}`
  const attempt = { what: request, platform }
  const manifest = tryRequire(`${request}/package.json`, attempt, attempts)
  if (manifest === undefined) return undefined
  // Before it is loaded: what is loaded stays in the process.
  if (manifest.version !== version) {
    attempts.push({ ...attempt, problem: 'version', text: `is version ${manifest.version} instead of ${version}` })
    return undefined
  }
  return tryRequire(request, attempt, attempts)
}

/** What is exported, or undefined and one more entry in `attempts`. */
function tryRequire(request, attempt, attempts) {
  const { exported, cause } = requireAddon(request)
  if (cause === undefined) return exported
  const isAbsent = cause.code === 'MODULE_NOT_FOUND'
  const text = isAbsent ? 'not found' : cause.message
  attempts.push({ ...attempt, problem: isAbsent ? 'absent' : 'refused', text, cause })
  return undefined
}

module.exports = { loadAddon }
