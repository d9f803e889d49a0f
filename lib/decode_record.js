'use strict'

const { decode } = require('./bson_codec.js')
const { facadeError } = require('./errors.js')

function toMessage(fields) {
  return {
    id: fields.i,
    key: fields.k === null ? undefined : fields.k,
    value: fields.v,
    headers: fields.h,
    timestamp: fields.t,
  }
}

function toRecord(topic, partition, fields) {
  const record = {
    topic,
    partition,
    message: toMessage(fields),
    offset: fields.o === null ? null : { _data: fields.o },
    timestamp: new Date(),
  }
  if (fields.r === true) record.redriven = true
  return record
}

/** The fields of a record that crossed as JSON text, under the names that they have in BSON. */
function parseFields(text) {
  const [o, i, k, t, h, v, a, d, r] = JSON.parse(text)
  return { o, i, k, t: new Date(t), h, v, a, d, r }
}

/**
 * The record in `crossed` (JSON text, or the bytes of a BSON document), its attempt and whether it may be a duplicate.
 * One that cannot be decoded fails alone: it comes empty, with the error.
 */
function decodeRecord(topic, partition, crossed) {
  try {
    const fields = typeof crossed === 'string' ? parseFields(crossed) : decode(crossed)
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

module.exports = { decodeRecord, toMessage }
