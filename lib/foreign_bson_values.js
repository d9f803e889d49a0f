'use strict'

const { isDate, isMap, isRegExp } = require('node:util').types

// bson refuses values of another major version of itself, which is what a process with two drivers hands in. They
// all carry `_bsontype`, and their public fields have been the same since version 1. (Before version 5 some type
// names differed: ObjectID, Symbol.)
const makers = {
  ObjectId: (bson, value) => new bson.ObjectId(value.toHexString()),
  Decimal128: (bson, value) => new bson.Decimal128(value.bytes),
  Long: (bson, value) => new bson.Long(value.low, value.high, value.unsigned),
  Timestamp: (bson, value) => new bson.Timestamp({ t: value.high >>> 0, i: value.low >>> 0 }),
  Double: (bson, value) => new bson.Double(value.value),
  Int32: (bson, value) => new bson.Int32(value.value),
  Binary: (bson, value) => new bson.Binary(binaryBytes(value), value.sub_type),
  Code: (bson, value) => new bson.Code(value.code, value.scope ? adopt(value.scope, bson) : value.scope),
  DBRef: (bson, value) => new bson.DBRef(value.collection, adopt(value.oid, bson), value.db, adopt(value.fields, bson)),
  BSONRegExp: (bson, value) => new bson.BSONRegExp(value.pattern, value.options),
  BSONSymbol: (bson, value) => new bson.BSONSymbol(value.value),
  MinKey: (bson) => new bson.MinKey(),
  MaxKey: (bson) => new bson.MaxKey(),
}
makers.ObjectID = makers.ObjectId
makers.Symbol = makers.BSONSymbol

function binaryBytes(value) {
  return value.buffer.subarray(0, typeof value.position === 'number' ? value.position : value.buffer.length)
}

// Only instances of a class are BSON values: a field `_bsontype` that came in with somebody's JSON is data, and bson
// will refuse it.
function isBsonValue(value) {
  if (typeof value._bsontype !== 'string') return false
  const prototype = Object.getPrototypeOf(value)
  return prototype !== null && prototype !== Object.prototype
}

function adoptFields(value, bson) {
  const copy = {}
  for (const key of Object.keys(value)) {
    // defineProperty, because assigning to `__proto__` would set the prototype instead of a field.
    Object.defineProperty(copy, key, { value: adopt(value[key], bson), enumerable: true })
  }
  return copy
}

function adopt(original, bson) {
  const value = original && typeof original.toBSON === 'function' ? original.toBSON() : original
  if (typeof value !== 'object' || value === null) return value
  if (isBsonValue(value)) {
    const known = Object.hasOwn(makers, value._bsontype)
    return known ? makers[value._bsontype](bson, value) : value
  }
  if (ArrayBuffer.isView(value) || isDate(value) || isRegExp(value)) return value
  if (Array.isArray(value)) return value.map((item) => adopt(item, bson))
  if (isMap(value)) return new Map(Array.from(value, ([key, item]) => [key, adopt(item, bson)]))
  return adoptFields(value, bson)
}

/** A copy of `document` in which every BSON value is one of `bson`, whichever version of bson made it. */
function adoptForeignValues(document, bson) {
  return adopt(document, bson)
}

module.exports = { adoptForeignValues }
