'use strict'

const COLLECTION = 'processed_messages'
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

  /**
   * Remembers them for as long as they may come again. One that is known already, because somebody has set the offset back
   * and wants it to be handled again, is no error: that would end the transaction.
   */
  async add(entries, session) {
    const updates = entries.map(({ record }) => ({
      updateOne: {
        filter: { _id: this.#idOf(record) },
        update: { $set: { expiresAt: this.#expiryOf(record) } },
        upsert: true,
      },
    }))
    await this.#collection.bulkWrite(updates, { session, ordered: false })
  }

  #expiryOf({ message }) {
    return new Date(Math.max(Date.now(), message.timestamp.getTime()) + this.#retentionMs + GRACE_MS)
  }
}

function mayBeKnown({ record, possibleDuplicate }) {
  return possibleDuplicate || record.redriven === true
}

module.exports = { ProcessedMessages }
