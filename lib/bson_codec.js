'use strict'

const { bsonLibrary } = require('./bson_library.js')

// bson writes into a working buffer of 17 MiB. What does not fit it sometimes reports by a RangeError and sometimes
// cuts off silently, the result being as long as the buffer or longer (up to a few bytes less, where a character of
// several bytes did not fit). A result in this last KiB is therefore never trusted; no valid message is that long.
const LONGEST_RESULT = 17 * 1024 * 1024 - 1024

const decodeOptions = {
  promoteLongs: false,
  promoteBuffers: false,
  promoteValues: true,
  // A broken UTF-8 sequence that somebody else stored becomes U+FFFD instead of stopping the partition.
  validation: { utf8: false },
}

/** Thrown by `encode` for what is larger than bson can write. */
class BsonTooLargeError extends Error {
  constructor(cause) {
    super('larger than 17 MiB as BSON')
    this.cause = cause
  }
}

function isOverflow(error) {
  return (
    error instanceof RangeError &&
    (error.code === 'ERR_OUT_OF_RANGE' ||
      error.code === 'ERR_BUFFER_OUT_OF_BOUNDS' ||
      error.message === 'offset is out of bounds')
  )
}

function serialize(document) {
  const bson = bsonLibrary()
  try {
    return bson.serialize(document)
  } catch (error) {
    if (error === null || typeof error !== 'object' || error.name !== 'BSONVersionError') throw error
    const { adoptForeignValues } = require('./foreign_bson_values.js') // two drivers in one process are rare
    return bson.serialize(adoptForeignValues(document, bson))
  }
}

/** BSON bytes of a document; `undefined` fields are dropped. Throws BsonTooLargeError, or what bson throws. */
function encode(document) {
  let bytes
  try {
    bytes = serialize(document)
  } catch (error) {
    throw isOverflow(error) ? new BsonTooLargeError(error) : error
  }
  if (bytes.length > LONGEST_RESULT) throw new BsonTooLargeError()
  return bytes
}

/**
 * Writes a document into `target` from `at` on and returns where it ends; undefined if it does not fit there, or if
 * only `encode` can write it or say why not.
 */
function appendDocument(document, target, at) {
  try {
    return bsonLibrary().serializeWithBufferAndIndex(document, target, { index: at }) + 1
  } catch {
    return undefined
  }
}

/** The document in `bytes`, with every value as it was sent: Long stays Long, Binary stays Binary. */
function decode(bytes) {
  const bson = bsonLibrary()
  try {
    return bson.deserialize(bytes, decodeOptions)
  } catch (error) {
    // A regular expression that JavaScript cannot compile, written by another language: all stay BSONRegExp then.
    if (!(error instanceof SyntaxError)) throw error
    return bson.deserialize(bytes, { ...decodeOptions, bsonRegExp: true })
  }
}

/** As `decode`, but the elements of the array `field` stay bytes, to be decoded one by one. */
function decodeAround(bytes, field) {
  return bsonLibrary().deserialize(bytes, { ...decodeOptions, fieldsAsRaw: { [field]: true } })
}

module.exports = { BsonTooLargeError, appendDocument, decode, decodeAround, encode }
