'use strict'

let addon

/**
 * The native addon. Loaded on first use: importing the package has to stay cheap, and a program that only reads
 * configurations (`define*`, the error class) must work where no addon is installed.
 */
function nativeAddon() {
  if (addon === undefined) addon = require('./load_addon.js').loadAddon()
  return addon
}

module.exports = { nativeAddon }
