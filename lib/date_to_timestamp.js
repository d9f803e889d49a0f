'use strict'

const { bsonLibrary } = require('./bson_library.js')
const { facadeError } = require('./errors.js')
const { isDate } = require('node:util').types

/**
 * The BSON Timestamp of a date: seconds since 1970 in `t`, 0 in `i`, as `startAtOperationTime` takes it. (1.4.2 put
 * the seconds into `i`, which no server operation could use.)
 */
function DateToTimestamp(date) {
  const seconds = isDate(date) ? Math.floor(date.getTime() / 1000) : NaN
  if (!(seconds >= 0 && seconds <= 0xffffffff)) {
    throw facadeError('ERR_CSB_INVALID_CONFIG', 'DateToTimestamp needs a valid Date between 1970 and 2106')
  }
  const { Timestamp } = bsonLibrary()
  return new Timestamp({ t: seconds, i: 0 })
}

module.exports = { DateToTimestamp }
