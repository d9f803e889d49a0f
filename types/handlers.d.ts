// Hand-written.

/**
 * What `subscribe` takes: handlers, what they are given and may say besides the record, and their options.
 * @module handlers
 */
import type { ChangeStreamBrokerError, ConsumerRecord, Document } from '../index'
import type { BatchConfig, RetryBackoff } from './config'

/** The global `AbortSignal` where the compiler knows it (`lib: ["dom"]` or `@types/node`), else what it is used for. */
export type HandlerSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : {
      /** Whether the call shall end. */
      readonly aborted: boolean
      /** Why: a {@link ChangeStreamBrokerError}. */
      readonly reason: any
      /** Throws `reason` if the call shall end. */
      throwIfAborted(): void
      /** Calls `listener` when the call shall end. */
      addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
      /** Calls it no more. */
      removeEventListener(type: 'abort', listener: () => void): void
    }

/**
 * Processes one record. Records of a partition come one at a time and in order; with `concurrency` those of one key. A
 * record counts as handled when the returned promise is fulfilled; when it rejects, or the function throws, the record
 * is tried again.
 */
export interface MessageHandler<T = Document> {
  (record: ConsumerRecord<T>, context: HandlerContext): void | Promise<void>
}

/** What a handler gets besides its record. */
export interface HandlerContext {
  /**
   * Aborted when the call has taken longer than `handlerTimeoutMs`, with a {@link ChangeStreamBrokerError}
   * `ERR_CSB_HANDLER_TIMEOUT` as reason. Give it to what can be aborted: `fetch(url, { signal })`. A handler that still
   * succeeds within 5 seconds counts as successful; after that the attempt has failed, and what the call comes to later
   * is ignored. A call that does not heed the signal goes on all the same, beside the next attempt.
   * With `ERR_CSB_LEASE_LOST` as reason another member may be handling the record already.
   */
  readonly signal: HandlerSignal
  /** Attempt of this record, from 1. Attempts are counted over restarts. */
  readonly attempt: number
  /**
   * The record may have been handled before: it was read again after the group's position was lost, or it is a dead
   * letter whose last redrive ended with its process.
   */
  readonly possibleDuplicate: boolean
}

/** What a batch handler gets besides its records. */
export interface BatchContext extends HandlerContext {
  /** Highest of `attempts`. */
  readonly attempt: number
  /** Whether one of `possibleDuplicates` is set. */
  readonly possibleDuplicate: boolean
  /** Attempt of each record, in their order. A record that has failed before comes alone. */
  readonly attempts: readonly number[]
  /** Whether each record may have been handled before, in their order. */
  readonly possibleDuplicates: readonly boolean[]
}

/** What a batch handler says of its records. */
export interface BatchOutcome<T = Document> {
  /**
   * The records that failed: each one itself, or its index in the array that the handler was given. All others count as
   * handled. An entry that names no record of the batch fails the whole batch, with `ERR_CSB_HANDLER_FAILED`.
   */
  failed: readonly {
    /** The record, or its index. */
    record: ConsumerRecord<T> | number
    /** Why; goes to `errorHandler` and `retryIf` as if it had been thrown. */
    error: unknown
  }[]
}

/**
 * Processes several records of one partition at once, in order. When the returned promise is fulfilled all are handled,
 * except those named in `failed`. When it rejects, all have failed; so they have if it is fulfilled with anything else
 * than nothing or a {@link BatchOutcome}. A record that has failed is tried again alone, so that one bad record does not
 * take others with it, and a redriven dead letter comes alone.
 */
export interface BatchHandler<T = Document> {
  // biome-ignore lint/suspicious/noConfusingVoidType: an async function that returns nothing returns Promise<void>
  (records: ConsumerRecord<T>[], context: BatchContext): void | BatchOutcome<T> | Promise<void | BatchOutcome<T>>
}

/** What an error handler learns about the attempt that failed. */
export interface HandlerAttempt {
  /** Number of the attempt that failed, from 1. */
  attempt: number
  /** Whether the record will be tried again. If not, it goes to `dead_letters`. */
  willRetry: boolean
}

/**
 * Hears of every failed attempt, with the very error that the handler threw; the record waits until it returns, for at
 * most `handlerTimeoutMs`. What is no `Error` arrives as the `cause` of one with the code `ERR_CSB_HANDLER_FAILED`. A
 * failure of the consumer itself comes with a {@link ChangeStreamBrokerError}, without record and without attempt.
 */
export interface ErrorHandler<T = Document> {
  (error: Error, record?: ConsumerRecord<T> | null, attempt?: HandlerAttempt): void | Promise<void>
}

/**
 * Whether another attempt makes sense after this error: `false` sends the record to `dead_letters` at once. Asked after
 * every failed attempt, also the last one, with the error as the {@link ErrorHandler} gets it; of a batch once for each
 * record that failed, and a record of a batch that failed whole gets an attempt of its own in any case. Counts to the time
 * of the handler. If it fails itself, or takes too long, the record is tried again.
 */
export interface RetryIf<T = Document> {
  (error: Error, record: ConsumerRecord<T>, attempt: Pick<HandlerAttempt, 'attempt'>): boolean | Promise<boolean>
}

/** Partitions that a consumer was given. */
export interface AssignedPartitions {
  /** Partition numbers. */
  partitions: number[]
}

/** Partitions that a consumer gives up, and why. */
export interface RevokedPartitions extends AssignedPartitions {
  /**
   * `rebalanced`: another member of the group is to have them; `unsubscribed`: the consumer ends; `leaseLost`: another
   * member has them already; `failed`: they cannot be read on.
   */
  reason: 'rebalanced' | 'unsubscribed' | 'leaseLost' | 'failed'
}

/** What `subscribe` takes to handle records one by one. */
export interface MessageHandlerConfig<T = Document> extends HandlerOptions<T> {
  /** See `TransactionalHandlerConfig`. */
  transactional?: undefined
  /** Processes one record. */
  handler: MessageHandler<T>
  /** See {@link BatchHandlerConfig}. */
  batchHandler?: undefined
  /** See {@link BatchHandlerConfig}. */
  batch?: undefined
}

/** What `subscribe` takes to handle several records at once. */
export interface BatchHandlerConfig<T = Document> extends HandlerOptions<T> {
  /** See `TransactionalBatchHandlerConfig`. */
  transactional?: undefined
  /** See {@link MessageHandlerConfig}. */
  handler?: undefined
  /** Processes the records of a batch. */
  batchHandler: BatchHandler<T>
  /** How large a batch may be, and how long it may wait. */
  batch?: BatchConfig | undefined
}

/** How records are handed out, tried again and committed. */
export interface HandlerOptions<T = Document> {
  /** Hears of every failed attempt. With or without it they are logged at WARN. */
  errorHandler?: ErrorHandler<T> | undefined
  /**
   * How often a failed record is tried again before it goes to `dead_letters`, 0 to 1000.
   * @default `maxRetries` of the consumer, 3
   */
  maxRetries?: number | undefined
  /**
   * Pause before a failed record is tried again, in milliseconds, 0 to 3600000.
   * @default `retryDelayMs` of the consumer, 1000
   */
  retryDelay?: number | undefined
  /**
   * `'exponential'` doubles the pause after each failed attempt up to `maxRetryDelay`, and spreads it at random between
   * half and the whole.
   * @default 'fixed'
   */
  retryBackoff?: RetryBackoff | undefined
  /**
   * Longest pause with the exponential backoff, in milliseconds, 0 to 3600000.
   * @default 300000
   */
  maxRetryDelay?: number | undefined
  /**
   * Called when the consumer was given partitions. Their first record waits until it returns, for at most
   * `handoverTimeoutMs` of the consumer. If it fails, that is logged.
   */
  onAssigned?: ((assigned: AssignedPartitions) => void | Promise<void>) | undefined
  /**
   * Called when the consumer gives partitions up: everything that it handled is committed, and the next member waits until
   * this returns, for at most `handoverTimeoutMs` of the consumer. With the reason `leaseLost` nobody waits any more. If it
   * fails, that is logged.
   */
  onRevoked?: ((revoked: RevokedPartitions) => void | Promise<void>) | undefined
  /** Whether another attempt makes sense. Default: always. */
  retryIf?: RetryIf<T> | undefined
  /**
   * How long one call may take, in milliseconds, 10 to 86400000 (a day). See {@link HandlerContext.signal}.
   * @default 300000 (5 minutes)
   */
  handlerTimeoutMs?: number | undefined
  /**
   * Calls at the same time per partition, 1 to 1000. With more than 1, records with the same key, and those without one,
   * stay in order among themselves; others may overtake each other.
   * @default 1
   */
  concurrency?: number | undefined
  /**
   * `true` commits as soon as possible after each record, `false` only every `autoCommitIntervalMs` of the consumer, or
   * without one only by `commitOffsets` and at the end.
   * @default as the consumer's configuration says
   */
  autoCommit?: boolean | undefined
}
