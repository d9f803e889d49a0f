'use strict'

const COLLECTION = 'processed_messages'
const DUPLICATE_KEY = 11000
/** Messages are deleted some time after their retention has ended, and clocks differ. */
const GRACE_MS = 24 * 60 * 60 * 1000

/**
 * What transactional handlers of one topic have handled, written in the same transaction as their effects. The offset knows
 * it, too, but not of records that come again beside it: redriven ones, and those around a position that was lost.
 */
class ProcessedMessages {
  #collection
  #key
  #retentionMs
  /** Somebody has set the offset back: what comes may have been handled before, and is to be handled again. */
  #mayBeThere = false

  constructor(db, { groupId, topic, retentionMs }) {
    this.#collection = db.collection(COLLECTION)
    this.#key = { groupId, topic }
    this.#retentionMs = retentionMs
  }

  #idOf({ partition, message }) {
    return { ...this.#key, partition, messageId: message.id }
  }

  /** Those of the entries whose records were not handled before. Asks only for those that may have been. */
  async without(entries, session) {
    const suspects = entries.filter(mayBeKnown)
    if (suspects.length === 0) return entries
    const ids = suspects.map(({ record }) => this.#idOf(record))
    const found = await this.#collection.find({ _id: { $in: ids } }, { session }).toArray()
    const known = new Set(found.map(({ _id }) => _id.messageId))
    return entries.filter((entry) => !mayBeKnown(entry) || !known.has(entry.record.message.id))
  }

  /** Remembers them for as long as they may come again. */
  async add(entries, session) {
    const documents = entries.map(({ record }) => ({ _id: this.#idOf(record), expiresAt: this.#expiryOf(record) }))
    if (this.#mayBeThere) await this.#replace(documents, session)
    else await this.#insert(documents, session)
  }

  /**
   * Costs the server less than half of replacing. One that is there already, because somebody has set the offset back and wants it
   * to be handled again, ends the transaction; the next one replaces.
   */
  async #insert(documents, session) {
    try {
      await this.#collection.insertMany(documents, { session })
    } catch (error) {
      if (error?.code === DUPLICATE_KEY) {
        this.#mayBeThere = true
        error.addErrorLabel('TransientTransactionError')
      }
      throw error
    }
  }

  async #replace(documents, session) {
    const upserts = documents.map(({ _id, expiresAt }) => ({
      updateOne: { filter: { _id }, update: { $set: { expiresAt } }, upsert: true },
    }))
    await this.#collection.bulkWrite(upserts, { session, ordered: false })
  }

  #expiryOf({ message }) {
    return new Date(Math.max(Date.now(), message.timestamp.getTime()) + this.#retentionMs + GRACE_MS)
  }
}

function mayBeKnown({ record, possibleDuplicate }) {
  return possibleDuplicate || record.redriven === true
}

module.exports = { ProcessedMessages }
