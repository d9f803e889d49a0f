// What handlers are given and may say, besides the record. Hand-written.

import type { ConsumerRecord, Document, ErrorHandler } from '../index'
import type { BatchConfig, RetryBackoff } from './config'

/** The global `AbortSignal` where the compiler knows it (`lib: ["dom"]` or `@types/node`), else what it is used for. */
export type HandlerSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : {
      readonly aborted: boolean
      readonly reason: any
      addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
      removeEventListener(type: 'abort', listener: () => void): void
    }

/** What a handler gets besides its record. */
export interface HandlerContext {
  /**
   * Aborted when the call has taken longer than `handlerTimeoutMs`, with a {@link ChangeStreamBrokerError}
   * `ERR_CSB_HANDLER_TIMEOUT` as reason. A handler that still succeeds within 5 seconds counts as successful; after
   * that the attempt has failed, whatever it comes to.
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
  /** Attempt of each record, in their order. A record that has failed before comes alone. */
  readonly attempts: readonly number[]
  /** Whether each record may have been handled before, in their order. */
  readonly possibleDuplicates: readonly boolean[]
}

/** What a batch handler says of its records. */
export interface BatchOutcome<T = Document> {
  /** The records that failed: each one itself, or its index. All others count as handled. */
  failed: readonly { record: ConsumerRecord<T> | number; error: Error }[]
}

/**
 * Processes several records of one partition at once, in order. When the returned promise is fulfilled all are handled,
 * except those named in `failed`. When it rejects, all have failed. A record that has failed is tried again alone, so
 * that one bad record does not take others with it, and a redriven dead letter comes alone.
 */
export interface BatchHandler<T = Document> {
  (records: ConsumerRecord<T>[], context: BatchContext): void | BatchOutcome<T> | Promise<void | BatchOutcome<T>>
}

/** What `subscribe` takes to handle several records at once. */
export interface BatchHandlerConfig<T = Document> extends HandlerOptions<T> {
  /** Processes the records of a batch. */
  batchHandler: BatchHandler<T>
  /** How large a batch may be, and how long it may wait. */
  batch?: BatchConfig | undefined
}

/** How records are handed out, tried again and committed. */
export interface HandlerOptions<T = Document> {
  /** Hears of every failed attempt. Default: failures are logged at WARN. */
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
   * Whether another attempt makes sense after this error. `false` sends the record to `dead_letters` at once. If the
   * function itself fails, the record is tried again. Default: always.
   */
  retryIf?:
    | ((error: Error, record: ConsumerRecord<T> | null, attempt: { attempt: number }) => boolean | Promise<boolean>)
    | undefined
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
