// Hand-written.

/**
 * Sending within transactions, and handlers whose effects and offset commit together.
 * @module transactions
 */
import type { ConsumerRecord, Document } from '../index'
import type { BatchConfig } from './config'
import type { BatchContext, BatchOutcome, HandlerContext, HandlerOptions } from './handlers'

/** A session with a transaction under way, as drivers and Mongoose have it. */
export interface TransactionSession {
  /** Whether a transaction is under way. */
  inTransaction(): boolean
  /** Whether it can be used no more. */
  readonly hasEnded: boolean
}

/** A `MongoClient` of the official driver, 5 or later; of Mongoose, `connection.getClient()`. */
export interface TransactionClient<S extends TransactionSession = TransactionSession> {
  /** Begins a session. */
  startSession(): S
  /** A database of the deployment. */
  db(name?: string): unknown
}

/** What a transactional handler gets besides its record. */
export interface TransactionalContext<S = any> extends HandlerContext {
  /**
   * The session of the transaction that commits the effects together with the offset. Give it to every read and write, and
   * to `send`, that is to be part of it; do not commit or abort it, and do not use it when the handler has ended.
   */
  readonly session: S
}

/** The same of a transactional batch handler. */
export interface TransactionalBatchContext<S = any> extends BatchContext {
  /** See {@link TransactionalContext.session}. */
  readonly session: S
}

/** Whose transactions a handler's effects are written in. */
export interface Transactional<S extends TransactionSession = TransactionSession> {
  /** Has to reach the deployment of the broker: the offset is written through it. It stays yours to close. */
  client: TransactionClient<S>
}

/**
 * What `subscribe` takes to handle records one by one, each in a transaction of its own: what the handler writes through
 * `context.session` takes effect together with the offset, or not at all, so once for each record, whatever crashes.
 *
 * The handler itself may be called more than once: after a conflict with another transaction (it is called again soon, and
 * no attempt is counted), and after a crash. What it does elsewhere (e-mail, HTTP, another deployment) may happen again;
 * `record.message.id` is the same each time. `concurrency` has to be 1 and `handlerTimeoutMs` is at most 50000, its default:
 * the server ends transactions after a minute. `autoCommit` has no meaning: each transaction commits the offset.
 *
 * `subscribe` rejects with `ERR_CSB_BAD_SESSION` if the client reaches another deployment than the broker, and with
 * `ERR_CSB_TOPIC_NOT_FOUND` if the topic does not exist yet.
 */
export interface TransactionalHandlerConfig<T = Document, S extends TransactionSession = TransactionSession>
  extends HandlerOptions<T> {
  /** The client. */
  transactional: Transactional<S>
  /** Processes one record. */
  handler: (record: ConsumerRecord<T>, context: TransactionalContext<S>) => void | Promise<void>
  /** See {@link TransactionalBatchHandlerConfig}. */
  batchHandler?: undefined
  /** See {@link TransactionalBatchHandlerConfig}. */
  batch?: undefined
}

/** The same with one transaction per batch. If some records have failed, the effects on the others are committed. */
export interface TransactionalBatchHandlerConfig<T = Document, S extends TransactionSession = TransactionSession>
  extends HandlerOptions<T> {
  /** The client. */
  transactional: Transactional<S>
  /** See {@link TransactionalHandlerConfig}. */
  handler?: undefined
  /** Processes the records of a batch. */
  batchHandler: (
    records: ConsumerRecord<T>[],
    context: TransactionalBatchContext<S>,
    // biome-ignore lint/suspicious/noConfusingVoidType: an async function that returns nothing returns Promise<void>
  ) => void | BatchOutcome<T> | Promise<void | BatchOutcome<T>>
  /** How large a batch may be, and how long it may wait. */
  batch?: BatchConfig | undefined
}

/** How to send. */
export interface SendOptions {
  /**
   * Stores the messages within the transaction of this session, through its own client: they exist if and only if it
   * commits, and are delivered in the order of commits. `send` resolves when they are written, not when they are committed.
   *
   * The session has to belong to the deployment of the broker and to have a transaction under way, and the topic has to
   * exist. A `messageId` that is stored already is left out. The driver's own errors come as they are, so that
   * `withTransaction` tries again what may succeed; `ERR_CSB_BAD_SESSION` and `ERR_CSB_TOPIC_NOT_FOUND` are this package's.
   */
  session?: TransactionSession | null | undefined
  /**
   * Stores all messages of an array in one transaction of the broker's own, or none of them, also if they go to several
   * partitions: consumers see all or none. Slower than without. It begins when the sends before it are stored; one that
   * is called meanwhile may be stored first. The topic has to exist. Without meaning beside `session`.
   * @default false
   */
  atomic?: boolean | null | undefined
}
