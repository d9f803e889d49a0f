'use strict'

const { bsonLibrary } = require('./bson_library.js')
const { facadeError } = require('./errors.js')

const versionSymbol = Symbol.for('@@mdb.bson.version')

// Every value as it is stored: a Double stays a Double although it could be an Int32.
const exactly = { promoteLongs: false, promoteBuffers: false, promoteValues: false, bsonRegExp: true }

/** By major version. */
const libraries = new Map()

function majorOf(bson) {
  return bson?.ObjectId?.prototype?.[versionSymbol]
}

function* loadedLibraries() {
  yield bsonLibrary()
  yield require('bson')
  // A process may have several drivers, as with mongoose: whichever made the session has loaded its bson.
  for (const { filename, exports } of Object.values(require.cache)) {
    if (/[\\/]bson[\\/]/.test(filename)) yield exports
  }
}

function findLibrary(major) {
  for (const bson of loadedLibraries()) {
    if (majorOf(bson) === major) return bson
  }
  return undefined
}

/** The bson package whose values the driver of `session` takes: it refuses those of another major version. */
function bsonOf(session) {
  const major = session.id?.id?.[versionSymbol]
  if (!libraries.has(major)) {
    const library = findLibrary(major)
    if (library === undefined) {
      const text = `the driver of the session uses bson ${major}, which is not loaded as a module of its own`
      throw facadeError('ERR_CSB_BAD_SESSION', text, { status: 'notWritten' })
    }
    libraries.set(major, library)
  }
  return libraries.get(major)
}

/** The document in `bytes`, for the driver of `session` to store exactly. */
function decodeFor(session, bytes) {
  return bsonOf(session).deserialize(bytes, exactly)
}

module.exports = { decodeFor }
