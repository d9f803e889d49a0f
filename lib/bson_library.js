'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')

const versionSymbol = Symbol.for('@@mdb.bson.version')
const OLDEST_MAJOR = 5

let library

/** Resolves without throwing; resolving does not load, and loading the driver would cost 100 ms. */
function resolveFrom(requireThere, name) {
  try {
    return requireThere.resolve(name)
  } catch {
    return undefined
  }
}

/** The entry file of the MongoDB driver that code in `base` would get, directly or through mongoose. */
function findDriver(base) {
  const requireThere = createRequire(base)
  const driver = resolveFrom(requireThere, 'mongodb')
  if (driver !== undefined) return driver
  const mongoose = resolveFrom(requireThere, 'mongoose')
  return mongoose === undefined ? undefined : resolveFrom(createRequire(mongoose), 'mongodb')
}

function majorVersion(bson) {
  return bson?.ObjectId?.prototype?.[versionSymbol]
}

/** The bson package of the first driver found from one of `bases` (file paths), if its values are usable here. */
function findDriverBson(bases) {
  for (const base of bases) {
    const driver = findDriver(base)
    const entry = driver === undefined ? undefined : resolveFrom(createRequire(driver), 'bson')
    if (entry === undefined) continue
    const bson = require(entry)
    if (majorVersion(bson) >= OLDEST_MAJOR) return bson
  }
  return undefined
}

/**
 * The bson package that makes the values users see: the one of their own driver, so that an ObjectId in a message
 * is an ObjectId of theirs (`instanceof`, and a driver refuses values of another major version), else ours.
 * Chosen once, on first use.
 */
function bsonLibrary() {
  if (library === undefined) {
    library = findDriverBson([__filename, path.join(process.cwd(), 'index.js')]) || require('bson')
  }
  return library
}

module.exports = { bsonLibrary, findDriverBson }
