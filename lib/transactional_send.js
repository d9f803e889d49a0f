'use strict'

const { facadeError } = require('./errors.js')
const { nativeCall } = require('./native_call.js')
const { decodeFor } = require('./session_bson.js')
const { checkSession, inTurn, requireSameDeployment } = require('./user_session.js')

const DUPLICATE_KEY = 11000

/** Ids that the user gave; the others are ours, and new. */
function givenIds(documents) {
  return documents.map(({ _id }) => _id).filter((id) => typeof id === 'string')
}

/** Leaves out what is stored already, and what stands there twice: a duplicate key would end the user's transaction. */
async function withoutStored(collection, documents, session) {
  const ids = givenIds(documents)
  if (ids.length === 0) return documents
  const stored = await collection.find({ _id: { $in: ids } }, { projection: { _id: 1 }, session }).toArray()
  const known = new Set(stored.map(({ _id }) => _id))
  return documents.filter(({ _id }) => {
    if (typeof _id !== 'string') return true
    const isNew = !known.has(_id)
    known.add(_id)
    return isNew
  })
}

/**
 * Somebody who did not wait for the send may have ended the transaction, also while the driver waits for a connection. It
 * would store the messages then, whatever became of the transaction. `autocommit` belongs to transactions: the driver sets it
 * within one, and outside the server refuses it.
 */
async function insert(db, { collection, documents }, session) {
  const missing = await withoutStored(db.collection(collection), documents, session)
  if (missing.length === 0) return
  checkSession(session)
  const command = { insert: collection, documents: missing, ordered: true, autocommit: false }
  const { writeErrors = [] } = await db.command(command, { session }).catch((error) => {
    checkSession(session)
    throw error
  })
  if (writeErrors.length > 0) await refused(writeErrors[0], db.collection(collection), session)
}

/** The server has aborted the transaction. */
async function refused({ code, errmsg }, collection, session) {
  // Somebody else has just stored one of the ids. Once more, the transaction sees it: what the server says of the aborted
  // one makes `withTransaction` try again.
  if (code === DUPLICATE_KEY) await collection.findOne({}, { session })
  throw facadeError('ERR_CSB_INVALID_MESSAGE', `The server refused a message: ${errmsg}`, { status: 'notWritten' })
}

/**
 * Stores the messages of one send within the user's transaction, through his client: they exist if and only if it
 * commits. The driver's own errors come as they are, because `withTransaction` goes by their labels.
 *
 * @param {{ native: object, broker: object }} target the native producer and broker
 * @param {Buffer[]} parts of `encodeMessages`
 */
function sendInTransaction({ native, broker }, parts, session) {
  // Laid out now, as they are now.
  const prepared = nativeCall(() => native.prepare(parts))
  prepared.catch(() => {}) // it may be awaited only later
  return inTurn(session, async () => {
    await requireSameDeployment(broker, session.client)
    const { inserts } = decodeFor(session, await prepared)
    const db = session.client.db(broker.database())
    for (const one of inserts) await insert(db, one, session)
  })
}

module.exports = { sendInTransaction }
