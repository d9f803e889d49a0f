'use strict'

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

async function insert(collection, documents, session) {
  const missing = await withoutStored(collection, documents, session)
  if (missing.length === 0) return
  // Somebody who did not wait for the send may have ended the transaction: then it would be stored whatever became of that.
  checkSession(session)
  try {
    await collection.insertMany(missing, { session, ordered: true })
  } catch (error) {
    // Somebody else has just stored one of the ids. Once more, the transaction sees it.
    if (error?.code === DUPLICATE_KEY && givenIds(missing).length > 0) {
      error.addErrorLabel?.('TransientTransactionError')
    }
    throw error
  }
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
    const { partitions } = decodeFor(session, await prepared)
    const db = session.client.db(broker.database())
    for (const { collection, documents } of partitions) {
      await insert(db.collection(collection), documents, session)
    }
  })
}

module.exports = { sendInTransaction }
