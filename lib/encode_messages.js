'use strict'

const { BsonTooLargeError, encode } = require('./bson_codec.js')
const { isAbsent, problemOf } = require('./check_message.js')
const { facadeError } = require('./errors.js')

// So many messages are encoded at once; a run that is larger than bson can write is halved until it fits.
const RUN_LENGTH = 1000

function refuse(code, index, problem, cause) {
  return facadeError(code, `message ${index}: ${problem}`, { status: 'notWritten', cause })
}

/** What the core hashes when there is no key. A value without a JSON form is left to the core. */
function jsonOf(value) {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** One message as it crosses. Throws if it cannot be sent, with its index in the send. */
function entryOf(message, index, hashesValue) {
  const problem = problemOf(message)
  if (problem !== undefined) throw refuse('ERR_CSB_INVALID_MESSAGE', index, problem)
  const { key, value, headers, timestamp, messageId } = message
  const entry = { v: value }
  // An empty key is no key, as in 1.4.2: both versions must put such a message in the same partition.
  if (key) entry.k = key
  else if (hashesValue) entry.s = jsonOf(value)
  if (!isAbsent(headers)) entry.h = headers
  if (!isAbsent(timestamp)) entry.t = timestamp.getTime()
  if (!isAbsent(messageId)) entry.i = messageId
  return entry
}

/** A part holds messages of one send; `c` says that the next part continues it. */
function partOf(entries, continues) {
  return encode(continues ? { c: true, m: entries } : { m: entries })
}

// For the value that fits in bson's buffer while value and JSON together do not: adds the field to the only entry of
// an encoded part by hand.
function withStringField(part, name, text, continues) {
  const end = part.length - 3 // the terminators of the entry, of the array and of the document
  const field = Buffer.from(`\x02${name}\0....${text}\0`)
  field.writeInt32LE(Buffer.byteLength(text) + 1, name.length + 2)
  const grown = Buffer.concat([part.subarray(0, end), field, part.subarray(end)])
  const arrayAt = 4 + (continues ? 4 : 0) + 3 // the document's length, `c`, type and name
  for (const lengthAt of [0, arrayAt, arrayAt + 7]) {
    grown.writeInt32LE(grown.readInt32LE(lengthAt) + field.length, lengthAt)
  }
  return grown
}

function encodeEntry(entry, continues) {
  try {
    return partOf([entry], continues)
  } catch (error) {
    if (!(error instanceof BsonTooLargeError) || entry.s === undefined) throw error
    const { s, ...withoutJson } = entry
    return withStringField(partOf([withoutJson], continues), 's', s, continues)
  }
}

function encodeOne(entry, index, continues) {
  try {
    return encodeEntry(entry, continues)
  } catch (cause) {
    if (cause instanceof BsonTooLargeError) {
      throw refuse('ERR_CSB_MESSAGE_TOO_LARGE', index, 'it is larger than the 16 MiB that MongoDB can store', cause)
    }
    throw refuse('ERR_CSB_INVALID_MESSAGE', index, `it cannot be encoded: ${cause?.message}`, cause)
  }
}

function encodeRun(entries, start, end, parts) {
  const continues = end < entries.length
  if (end - start === 1) {
    parts.push(encodeOne(entries[start], start, continues))
    return
  }
  let part
  try {
    part = partOf(entries.slice(start, end), continues)
  } catch {
    // Too large together, or one of them is at fault: the halves will tell.
    const middle = (start + end) >> 1
    encodeRun(entries, start, middle, parts)
    encodeRun(entries, middle, end, parts)
    return
  }
  parts.push(part)
}

/**
 * The parts of one native send: BSON `{ m: [entry…], c? }`, in order. `messages` is one message or an array; all are
 * checked before anything is handed over. With `hashesValue`, entries without a key carry their value as JSON.
 */
function encodeMessages(messages, hashesValue) {
  const list = Array.isArray(messages) ? messages : [messages]
  const entries = Array.from(list, (message, index) => entryOf(message, index, hashesValue))
  const parts = []
  for (let start = 0; start < entries.length; start += RUN_LENGTH) {
    encodeRun(entries, start, Math.min(start + RUN_LENGTH, entries.length), parts)
  }
  return parts
}

module.exports = { encodeMessages, entryOf }
