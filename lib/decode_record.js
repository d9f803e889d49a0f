'use strict'

const { decode } = require('./bson_codec.js')
const { facadeError } = require('./errors.js')

function toRecord(topic, partition, fields) {
  return {
    topic,
    partition,
    message: {
      id: fields.i,
      key: fields.k === null ? undefined : fields.k,
      value: fields.v,
      headers: fields.h,
      timestamp: fields.t,
    },
    offset: fields.o === null ? null : { _data: fields.o },
    timestamp: new Date(),
  }
}

/**
 * The record in `bytes`, its attempt and whether it may be a duplicate. One that cannot be decoded fails alone: it comes
 * empty, with the error.
 */
function decodeRecord(topic, partition, bytes) {
  try {
    const fields = decode(bytes)
    return {
      record: toRecord(topic, partition, fields),
      attempt: fields.a === undefined ? 1 : fields.a,
      possibleDuplicate: fields.d === true,
    }
  } catch (cause) {
    const message = `A message of partition ${partition} of "${topic}" cannot be decoded: ${cause.message}`
    const error = facadeError('ERR_CSB_INVALID_MESSAGE', message, { topic, partition, cause })
    const record = toRecord(topic, partition, { k: null, o: null })
    return { record, attempt: 1, possibleDuplicate: false, error }
  }
}

module.exports = { decodeRecord }
