'use strict'

const { isDate } = require('node:util').types

function isAbsent(value) {
  return value === undefined || value === null
}

function kindOf(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

// `isDate` leaves the JavaScript engine, which costs more than the rest of a check: plain objects are told apart before.
function isInvalidDate(value) {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) === Object.prototype) return false
  return isDate(value) && Number.isNaN(value.getTime())
}

// The core checks messages, but sees only what bson writes. What bson would leave out or change is refused here.

function problemOfValue(value) {
  if (value === undefined) return 'value is missing: give what is to be sent; null is a value, too'
  if (typeof value === 'function' || typeof value === 'symbol')
    return `value is ${kindOf(value)}, which cannot be stored`
  if (isInvalidDate(value)) return 'value is an invalid Date'
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) {
    return 'value is a bigint of more than 64 bits, which cannot be stored'
  }
  return undefined
}

function problemOfTimestamp(timestamp) {
  if (isAbsent(timestamp)) return undefined
  if (!isDate(timestamp)) return `timestamp is ${kindOf(timestamp)}: give a Date or leave it out`
  return Number.isNaN(timestamp.getTime()) ? 'timestamp is an invalid Date' : undefined
}

function problemOfString(name, value) {
  if (isAbsent(value) || typeof value === 'string') return undefined
  return `${name} is ${kindOf(value)}: give a string or leave it out`
}

function problemOfHeaders(headers) {
  if (isAbsent(headers) || (typeof headers === 'object' && !Array.isArray(headers))) return undefined
  return `headers is ${kindOf(headers)}: give an object or leave it out`
}

/** Why `message` cannot be sent; undefined if nothing speaks against it here. */
function problemOf(message) {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return `it is ${kindOf(message)}: give an object with a value`
  }
  return (
    problemOfValue(message.value) ||
    problemOfString('key', message.key) ||
    problemOfHeaders(message.headers) ||
    problemOfTimestamp(message.timestamp) ||
    problemOfString('messageId', message.messageId)
  )
}

module.exports = { isAbsent, problemOf }
