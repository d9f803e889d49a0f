'use strict'

const { createRequire } = require('node:module')

/**
 * What `require(request)` gives, as `exported`, or its error as `cause`. The known requests stand here as literals and
 * inside of `try`: so bundlers take in what is there, and bear that the other platforms are not.
 */
function requireAddon(request) {
  try {
    switch (request) {
      case '../change-stream-broker.darwin-arm64.node':
        return { exported: require('../change-stream-broker.darwin-arm64.node') }
      case '@dafaz/change-stream-broker-darwin-arm64/package.json':
        return { exported: require('@dafaz/change-stream-broker-darwin-arm64/package.json') }
      case '@dafaz/change-stream-broker-darwin-arm64':
        return { exported: require('@dafaz/change-stream-broker-darwin-arm64') }
      case '../change-stream-broker.darwin-x64.node':
        return { exported: require('../change-stream-broker.darwin-x64.node') }
      case '@dafaz/change-stream-broker-darwin-x64/package.json':
        return { exported: require('@dafaz/change-stream-broker-darwin-x64/package.json') }
      case '@dafaz/change-stream-broker-darwin-x64':
        return { exported: require('@dafaz/change-stream-broker-darwin-x64') }
      case '../change-stream-broker.linux-arm64-gnu.node':
        return { exported: require('../change-stream-broker.linux-arm64-gnu.node') }
      case '@dafaz/change-stream-broker-linux-arm64-gnu/package.json':
        return { exported: require('@dafaz/change-stream-broker-linux-arm64-gnu/package.json') }
      case '@dafaz/change-stream-broker-linux-arm64-gnu':
        return { exported: require('@dafaz/change-stream-broker-linux-arm64-gnu') }
      case '../change-stream-broker.linux-arm64-musl.node':
        return { exported: require('../change-stream-broker.linux-arm64-musl.node') }
      case '@dafaz/change-stream-broker-linux-arm64-musl/package.json':
        return { exported: require('@dafaz/change-stream-broker-linux-arm64-musl/package.json') }
      case '@dafaz/change-stream-broker-linux-arm64-musl':
        return { exported: require('@dafaz/change-stream-broker-linux-arm64-musl') }
      case '../change-stream-broker.linux-x64-gnu.node':
        return { exported: require('../change-stream-broker.linux-x64-gnu.node') }
      case '@dafaz/change-stream-broker-linux-x64-gnu/package.json':
        return { exported: require('@dafaz/change-stream-broker-linux-x64-gnu/package.json') }
      case '@dafaz/change-stream-broker-linux-x64-gnu':
        return { exported: require('@dafaz/change-stream-broker-linux-x64-gnu') }
      case '../change-stream-broker.linux-x64-musl.node':
        return { exported: require('../change-stream-broker.linux-x64-musl.node') }
      case '@dafaz/change-stream-broker-linux-x64-musl/package.json':
        return { exported: require('@dafaz/change-stream-broker-linux-x64-musl/package.json') }
      case '@dafaz/change-stream-broker-linux-x64-musl':
        return { exported: require('@dafaz/change-stream-broker-linux-x64-musl') }
      case '../change-stream-broker.win32-arm64-msvc.node':
        return { exported: require('../change-stream-broker.win32-arm64-msvc.node') }
      case '@dafaz/change-stream-broker-win32-arm64-msvc/package.json':
        return { exported: require('@dafaz/change-stream-broker-win32-arm64-msvc/package.json') }
      case '@dafaz/change-stream-broker-win32-arm64-msvc':
        return { exported: require('@dafaz/change-stream-broker-win32-arm64-msvc') }
      case '../change-stream-broker.win32-x64-msvc.node':
        return { exported: require('../change-stream-broker.win32-x64-msvc.node') }
      case '@dafaz/change-stream-broker-win32-x64-msvc/package.json':
        return { exported: require('@dafaz/change-stream-broker-win32-x64-msvc/package.json') }
      case '@dafaz/change-stream-broker-win32-x64-msvc':
        return { exported: require('@dafaz/change-stream-broker-win32-x64-msvc') }
      default: // an addon that was built from source, on a platform without a package
        return { exported: createRequire(__filename)(request) }
    }
  } catch (cause) {
    return { cause }
  }
}

module.exports = { requireAddon }
