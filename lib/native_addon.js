'use strict'

/**
 * The native addon. Loaded on first use: importing the package has to stay cheap, and a program that only reads
 * configurations (`define*`, the error class) must work where no binary is installed.
 */
function nativeAddon() {
  return require('../native.js')
}

module.exports = { nativeAddon }
