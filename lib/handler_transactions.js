'use strict'

const { facadeError } = require('./errors.js')
const { Interruption } = require('./interruption.js')
const { nativeCall } = require('./native_call.js')
const { ProcessedMessages } = require('./processed_messages.js')
const { decodeFor } = require('./session_bson.js')
const { SessionPool } = require('./session_pool.js')

const OFFSETS = 'consumer_offsets'
const COMMITTED = 0
const ABORTED = 1
const REFUSED = 2
const UNKNOWN = 3

/** Journaled by a majority, as everything of the broker is: what is weaker could be rolled back without its offset. */
const transactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', j: true },
  readPreference: 'primary',
}

function hasLabel(error, label) {
  return typeof error?.hasErrorLabel === 'function' && error.hasErrorLabel(label)
}

/**
 * The calls of one subscription's transactional handler: the effects of each and its offset are committed together, through
 * the user's client.
 */
class HandlerTransactions {
  #native
  #db
  #sessions
  #processed

  /**
   * @param {{ native: object, client: object, database: string, groupId: string, topic: string, retentionMs: number }} of
   */
  constructor({ native, client, database, groupId, topic, retentionMs }) {
    this.#native = native
    this.#db = client.db(database)
    this.#sessions = new SessionPool(client)
    this.#processed = new ProcessedMessages(this.#db, { groupId, topic, retentionMs })
  }

  /** Ids of the sessions, by which another member ends what this process may leave open. */
  get sessionIds() {
    return this.#sessions.ids
  }

  /**
   * Calls `handle(session, entries)` in a transaction with those of the entries whose records were not handled before. It
   * returns which of them failed, with their errors; the others are finished if the transaction commits. Returns the same.
   * Throws what `handle` threw, or an Interruption; nothing is stored then.
   *
   * @param {number} id of the delivery
   * @param {import('./delivery.js').Delivery} delivery
   * @param {Array<{ index: number, record: object, possibleDuplicate: boolean }>} entries
   */
  async run(id, delivery, entries, handle) {
    const session = this.#sessions.take()
    // User code that does not end keeps neither its locks nor its session.
    delivery.onAbandon = () => this.#sessions.discard(session)
    try {
      session.startTransaction(transactionOptions)
      const fresh = await withConflicts(() => this.#processed.without(entries, session))
      const failed = fresh.length === 0 ? new Map() : await withConflicts(() => handle(session, fresh))
      const finished = entries.filter((entry) => !failed.has(entry))
      if (!delivery.abandoned && !session.inTransaction()) throw endedByHandler()
      // What user code comes to after it was given up is not heard.
      if (!delivery.abandoned && finished.length > 0) await this.#commit(id, delivery, session, finished)
      return failed
    } finally {
      delivery.onAbandon = undefined
      await this.#sessions.giveBack(session)
    }
  }

  async #commit(id, delivery, session, finished) {
    const indexes = finished.map(({ index }) => index)
    const statement = await askCore(() => this.#native.borrowOffset(id, indexes))
    if (delivery.abandoned) {
      await askCore(() => this.#native.returnOffset(id, ABORTED))
      return
    }
    // From here on it is not given up: it may be committed, and must not be handled again then.
    delivery.isCommitting = true
    try {
      await this.#writeAndCommit(id, session, finished, statement)
    } finally {
      delivery.isCommitting = false
    }
  }

  async #writeAndCommit(id, session, finished, statement) {
    const { state, error } = await this.#write(session, finished, statement)
    if (state === ABORTED || state === REFUSED) await abort(session)
    const unknown = state === UNKNOWN ? this.#sessions.disown(session) : undefined
    const isCommitted = await askCore(() => this.#native.returnOffset(id, state, unknown))
    if (isCommitted) return
    // What trying again does not mend, such as a missing privilege, has failed like the handler itself.
    const isFault = state === ABORTED && !hasLabel(error, 'TransientTransactionError')
    throw isFault ? error : new Interruption(error, false)
  }

  /** The offset last, so that another member waiting for the partition is held up as briefly as can be. */
  async #write(session, finished, statement) {
    try {
      await this.#processed.add(finished, session)
      const { q, u } = decodeFor(session, statement)
      const { matchedCount } = await this.#db.collection(OFFSETS).updateOne(q, u, { session })
      if (matchedCount === 0) return { state: REFUSED, error: new Error('the offset is held by another member') }
    } catch (error) {
      return { state: ABORTED, error }
    }
    return await commit(session)
  }

  /** No further calls. */
  async end() {
    await this.#sessions.end()
  }
}

/** Without it the offset would be committed for effects that are not there, or not yet. */
function endedByHandler() {
  return facadeError(
    'ERR_CSB_BAD_SESSION',
    'the handler has committed or aborted the transaction of context.session: leave that to the consumer, and throw to abort',
  )
}

/** A conflict with another transaction is nobody's fault, whether user code lets it through or wraps it. */
async function withConflicts(run) {
  try {
    return await run()
  } catch (thrown) {
    const isConflict = [thrown, thrown?.cause].some((error) => hasLabel(error, 'TransientTransactionError'))
    throw isConflict ? new Interruption(thrown, false) : thrown
  }
}

async function askCore(ask) {
  try {
    return await nativeCall(ask)
  } catch (error) {
    throw new Interruption(error, error.code === 'ERR_CSB_LEASE_LOST' || error.code === 'ERR_CSB_CLOSED')
  }
}

/** The driver tries once more by itself. What it cannot find out, the core does: it asks until there is an answer. */
async function commit(session) {
  try {
    await session.commitTransaction()
    return { state: COMMITTED }
  } catch (error) {
    return { state: hasLabel(error, 'UnknownTransactionCommitResult') ? UNKNOWN : ABORTED, error }
  }
}

/** The transaction ends with its session at the latest; this only gives its locks back sooner. */
async function abort(session) {
  await session.abortTransaction().catch(() => {})
}

module.exports = { HandlerTransactions }
