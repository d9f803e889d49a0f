/**
 * Change Stream Broker: topics, producers and consumer groups on the MongoDB replica set that you already run.
 *
 * Durations are milliseconds, sizes are bytes, partitions count from 0. Each call to the server has a deadline,
 * `operationTimeoutMs` (default 30000). What fails rejects with a {@link ChangeStreamBrokerError}.
 * @module broker
 */
import type { Timestamp as BsonTimestamp } from 'bson'
import type { ConsumerGroupManager, OffsetReset, OffsetStorage, PartitionReset } from './types/administration'
import type * as config from './types/config'
import type { TopicConfig } from './types/config'
import type { BrokerEvents, ConsumerEvents, PartitionLag } from './types/events'
import type { BatchHandlerConfig, MessageHandlerConfig } from './types/handlers'
import type { DeadLetters } from './types/dead_letters'
import type { Effect, ErrorCode, ErrorKind } from './types/errors'
import type { ConsumerRecord, Message, OffsetInfo, ProducerMessage, ResumeToken } from './types/messages'
import type {
  SendOptions,
  TransactionalBatchHandlerConfig,
  TransactionalHandlerConfig,
  TransactionSession,
} from './types/transactions'

export type {
  BatchConfig,
  ChangeStreamWatchOptions,
  GroupMode,
  LogLevelName,
  OnExpired,
  PartitionAssignment,
  PartitionStrategy,
  RetryBackoff,
  TopicConfig,
} from './types/config'
export type { Effect, ErrorCode, ErrorKind } from './types/errors'
export * from './types/administration'
export * from './types/events'
export * from './types/handlers'
export * from './types/dead_letters'
export * from './types/messages'
export * from './types/transactions'

/** Log levels as numbers, for code that compares them. Configurations take the names, such as `'INFO'`. */
export declare enum LogLevel {
  /** Nothing. */
  SILENT = 0,
  /** What failed and needs somebody to look. */
  ERROR = 1,
  /** What went wrong and was dealt with. */
  WARN = 2,
  /** What was started, stopped and assigned. */
  INFO = 3,
  /** Every step. */
  DEBUG = 4,
}

// ---------------------------------------------------------------------------------------------- type machinery

/** Carries a topic's payload type inside a configuration. Exists for the compiler only, never at run time. */
declare const payload: unique symbol

/** Keeps the argument from deciding `T`: the configuration does. As `NoInfer` of TypeScript 5.4, for older ones too. */
type NotInferred<T> = [T][T extends any ? 0 : never]

/** Payload type of a producer or consumer, of its configuration, of a record or of a message. */
export type PayloadOf<C> = C extends {
  /** For the compiler only: the payload type. */
  readonly [payload]?: (_: infer T) => infer T
}
  ? T
  : C extends ConsumerRecord<infer T>
    ? T
    : C extends Message<infer T>
      ? T
      : never

// ---------------------------------------------------------------------------------------------- configurations

/** Takes one log entry: the text, and the context that it comes from (`logContext`, or a part of the broker). */
type LogMethod = (message: string, context: string) => unknown

/** Where log entries go: Nest's `Logger` or another `LoggerService`, `console`, pino. */
export type BrokerLogger = {
  /** Takes the entries of level ERROR. */
  error: LogMethod
  /** Takes the entries of level WARN. */
  warn: LogMethod
  /** Takes the entries of level DEBUG. Without it `verbose` takes them, and without that they are dropped. */
  debug?: LogMethod | undefined
} & (
  | {
      /** Takes the entries of level INFO. Preferred to `log`. */
      info: LogMethod
    }
  | {
      /** Takes the entries of level INFO. */
      log: LogMethod
    }
)

/**
 * Configuration of a broker as {@link defineBroker} and the constructor of {@link ChangeStreamBroker} take it:
 * `process.env.MONGODB_BROKER_URI` needs no `!`.
 */
export interface BrokerConfigInput extends config.BrokerConfig {
  /** Takes the entries that `logLevel` lets through. @default `console` */
  logger?: BrokerLogger | undefined
}

/** Configuration of a broker as {@link defineBroker} returns it. */
export interface BrokerConfig extends BrokerConfigInput {
  /** Connection string. Typed as present: the constructor of {@link ChangeStreamBroker} refuses a missing one. */
  mongoUri: string
}

/** Configuration of a producer. `T` is the payload type of its topic; the generated client fills it in. */
export interface ProducerConfig<T = any> extends config.ProducerConfig {
  /** For the compiler only: the payload type. Never set it. */
  readonly [payload]?: (_: T) => T
}

/** Configuration of a consumer. `T` is the payload type of its topic; the generated client fills it in. */
export interface ConsumerConfig<T = any> extends config.ConsumerConfig {
  /** For the compiler only: the payload type. Never set it. */
  readonly [payload]?: (_: T) => T
}

/** Returns the configuration as it is; {@link ChangeStreamBroker} checks it. */
export declare function defineBroker(config: BrokerConfigInput): BrokerConfig
/** Returns the configuration as it is; `createTopic` checks it. */
export declare function defineTopic(config: TopicConfig): TopicConfig
/** Returns the configuration as it is; `createProducer` checks it. `T` types what `send` takes. */
export declare function defineProducer<T = any>(config: ProducerConfig<T>): ProducerConfig<T>
/** Returns the configuration as it is; `createConsumer` checks it. `T` types what the handler gets. */
export declare function defineConsumer<T = any>(config: ConsumerConfig<T>): ConsumerConfig<T>

// ----------------------------------------------------------------------------------------------------- classes

/**
 * A broker: one connection to a deployment, and the producers and consumers made from it. May be extended, as by a
 * NestJS service; it has no members besides those named here.
 */
export declare class ChangeStreamBroker {
  /** Opens nothing yet. @throws {@link ChangeStreamBrokerError} `ERR_CSB_INVALID_CONFIG` naming every wrong field. */
  constructor(config: BrokerConfigInput)
  /**
   * Connects; does nothing when connected. Rejects with `ERR_CSB_UNAVAILABLE` when no server answers in time,
   * `ERR_CSB_UNAUTHORIZED` or `ERR_CSB_NOT_REPLICA_SET`. A connection that is lost later comes back by itself.
   */
  connect(): Promise<void>
  /**
   * Creates a topic, changes its retention or adds partitions. Rejects with `ERR_CSB_TOPIC_MISMATCH` when the topic
   * has more partitions than asked for, because their number only grows, or another `collection`;
   * `ERR_CSB_INVALID_CONFIG` or `ERR_CSB_NOT_CONNECTED`.
   */
  createTopic(config: TopicConfig): Promise<void>
  /**
   * A connected producer; call it as often as you like. With `autoCreateTopics` a missing topic is created; without it
   * the producer works all the same, as in 1.4.2, but its messages do not expire, and a warning is logged. Rejects with
   * `ERR_CSB_TOPIC_MISMATCH` when the topic has another number of partitions (with `autoCreateTopics`: more of them),
   * `ERR_CSB_INVALID_CONFIG` or `ERR_CSB_NOT_CONNECTED`.
   */
  createProducer<T = any>(config: ProducerConfig<T>): Promise<ChangeStreamProducer<T>>
  /**
   * A connected consumer; it receives nothing before `subscribe`. Reaches no server, so the topic need not exist yet.
   * Rejects with `ERR_CSB_INVALID_CONFIG` or `ERR_CSB_NOT_CONNECTED`.
   */
  createConsumer<T = any>(config: ConsumerConfig<T>): Promise<ChangeStreamConsumer<T>>
  /**
   * Sets the offsets of a group in a topic: back, so that stored messages are delivered again, or ahead, so that they are
   * not. With `dryRun` nothing is changed. Resolves to what changes in each partition.
   *
   * Rejects with `ERR_CSB_GROUP_ACTIVE` while members of the group run, unless `force` is given: then what they are handling
   * is theirs no longer, and they go on from the new place when they notice, as a rule at once, after half a minute at most. Rejects with
   * `ERR_CSB_TOPIC_NOT_FOUND`, `ERR_CSB_PARTITION_NOT_FOUND` or `ERR_CSB_INVALID_CONFIG`.
   */
  resetOffsets(request: OffsetReset): Promise<PartitionReset[]>
  /** What a group gave up on, in all its topics; no member of it has to run here. `T` is the payload type. */
  getDeadLetters<T = any>(groupId: string): DeadLetters<T>
  /**
   * Drains and closes every producer and consumer of this broker: handlers in flight finish (for at most
   * `shutdownGraceMs`, default 25000), offsets are committed. May be called twice. Inside a handler it resolves at
   * once, and goes on by itself.
   */
  disconnect(): Promise<void>
  /**
   * Calls `listener` at each of these events. One that throws, or whose promise rejects, is logged and hinders nobody; an
   * 'error' without a listener is no error. Listening does not keep the process alive, and events that nobody listens to
   * cost nothing.
   * @throws {@link ChangeStreamBrokerError} `ERR_CSB_INVALID_CONFIG` for an unknown event
   */
  on<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): this
  /** The same, once. */
  once<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): this
  /** Calls it no more. */
  off<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): this
  /** As `on`. */
  addListener<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): this
  /** As `off`. */
  removeListener<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): this
}

/** Sends messages to one topic. `T` is its payload type. */
export declare class ChangeStreamProducer<T = any> {
  /** For the compiler only: the payload type. */
  readonly [payload]?: (_: T) => T
  /** Whether `send` may be called. */
  readonly isConnected: boolean
  /** A producer with a connection of its own, not connected yet; prefer `broker.createProducer`, which shares one. */
  constructor(config: ProducerConfig<T>, mongoUri: string, database: string)
  /** Topic name. */
  getTopic(): string
  /** Connects; does nothing when connected. Rejects as `connect` and `createProducer` of the broker do. */
  connect(): Promise<void>
  /**
   * Sends one message, or several in their order. Resolves when a majority of the replica set has all of them in its
   * journal. Messages wait in memory (at most `maxBufferedBytes`, default 64 MiB) while the set elects a primary, for
   * at most `deliveryTimeoutMs` (default 30000).
   *
   * Rejects with `ERR_CSB_INVALID_MESSAGE`, `ERR_CSB_MESSAGE_TOO_LARGE` (16 MiB), `ERR_CSB_BUFFER_FULL`,
   * `ERR_CSB_UNAVAILABLE` or `ERR_CSB_TIMEOUT` (no server took it in time), `ERR_CSB_TOPIC_NOT_FOUND`,
   * `ERR_CSB_UNAUTHORIZED`, `ERR_CSB_NOT_CONNECTED` or `ERR_CSB_CLOSED`. `error.status` tells whether anything may have
   * been stored; after `'unknown'` only a send with the same `messageId` is free of duplicates. If one of several
   * messages cannot be stored as it is, none is sent; otherwise they are no transaction, and some may be stored
   * although the call rejects.
   */
  send<M extends T = T>(
    messages: ProducerMessage<NotInferred<M>> | readonly ProducerMessage<NotInferred<M>>[],
    options?: SendOptions,
  ): Promise<void>
  /** Waits for the sends under way, then closes. May be called twice. */
  disconnect(): Promise<void>
}

/** Receives the messages of one topic for one group. `T` is the payload type. */
export declare class ChangeStreamConsumer<T = any> {
  /** For the compiler only: the payload type. */
  readonly [payload]?: (_: T) => T
  /**
   * A consumer with a connection of its own; prefer `broker.createConsumer`, which shares one. `offsetStorage` is not
   * used: offsets are kept in `database`.
   */
  constructor(
    config: ConsumerConfig<T>,
    offsetStorage: OffsetStorage,
    consumerGroupManager: ConsumerGroupManager,
    mongoUri: string,
    database: string,
  )
  /** What the group gave up on in this topic. */
  readonly deadLetters: DeadLetters<T>
  /** Name of this member of the group, unique among all processes. */
  getConsumerId(): string
  /** Consumer group. With `groupMode: 'broadcast'` that is `<groupId>@<instanceId>`, as soon as it is connected. */
  getGroupId(): string
  /** Topic name. */
  getTopic(): string
  /** The newest offset of a record that is finished, over all partitions, also of one that was given up; `null` before the first. */
  getLastProcessedOffset(): ResumeToken | null
  /** How far this consumer is. */
  getOffsetInfo(): OffsetInfo
  /**
   * How far the group is behind in each of this consumer's partitions, by what it has committed, whoever owns them.
   * Rejects with `ERR_CSB_NOT_CONNECTED`, `ERR_CSB_TOPIC_NOT_FOUND` or `ERR_CSB_PARTITION_NOT_FOUND`.
   */
  lag(): Promise<PartitionLag[]>
  /**
   * Calls `listener` at each of these events. One that throws, or whose promise rejects, is logged and hinders nobody; an
   * 'error' without a listener is no error. Listening does not keep the process alive, and events that nobody listens to
   * cost nothing.
   * @throws {@link ChangeStreamBrokerError} `ERR_CSB_INVALID_CONFIG` for an unknown event
   */
  on<E extends keyof ConsumerEvents>(event: E, listener: (event: ConsumerEvents[E]) => void): this
  /** The same, once. */
  once<E extends keyof ConsumerEvents>(event: E, listener: (event: ConsumerEvents[E]) => void): this
  /** Calls it no more. */
  off<E extends keyof ConsumerEvents>(event: E, listener: (event: ConsumerEvents[E]) => void): this
  /** As `on`. */
  addListener<E extends keyof ConsumerEvents>(event: E, listener: (event: ConsumerEvents[E]) => void): this
  /** As `off`. */
  removeListener<E extends keyof ConsumerEvents>(event: E, listener: (event: ConsumerEvents[E]) => void): this
  /** Whether `subscribe` may be called. */
  isConnected(): boolean
  /** Whether a handler is receiving records. */
  isSubscribed(): boolean
  /** Logs {@link getOffsetInfo} once, at level INFO, if `enableOffsetMonitoring` is set. */
  startOffsetMonitoring(): void
  /** Connects; does nothing when connected. Rejects as `connect` and `createConsumer` of the broker do. */
  connect(): Promise<void>
  /**
   * Joins the group and starts receiving. Resolves when every partition that the group has for this member listens: what is
   * sent from then on is delivered, here or to another member. Without a partition the consumer stands by. A consumer has
   * one handler, which takes records one by one (`handler`) or in batches (`batchHandler`). Rejects with
   * `ERR_CSB_ALREADY_SUBSCRIBED`, `ERR_CSB_NOT_CONNECTED`, `ERR_CSB_INVALID_CONFIG`, `ERR_CSB_TOPIC_NOT_FOUND`,
   * `ERR_CSB_PARTITION_NOT_FOUND`, `ERR_CSB_UNAUTHORIZED`, `ERR_CSB_UNAVAILABLE`, `ERR_CSB_TIMEOUT` or `ERR_CSB_CLOSED`.
   */
  subscribe<U = T>(config: MessageHandlerConfig<NotInferred<U>> | BatchHandlerConfig<NotInferred<U>>): Promise<void>
  /** The same with a transactional handler: its effects and the offset are committed together. */
  subscribe<U = T, S extends TransactionSession = any>(
    config: TransactionalHandlerConfig<NotInferred<U>, S> | TransactionalBatchHandlerConfig<NotInferred<U>, S>,
  ): Promise<void>
  /**
   * Leaves the group and stops receiving: handlers in flight finish (for at most `shutdownGraceMs`, default 25000),
   * offsets are committed, the partitions are released. May be called twice. Inside a handler of this consumer it
   * resolves at once, and goes on by itself.
   */
  unsubscribe(): Promise<void>
  /**
   * Goes on from another place, with the whole group: as `broker.resetOffsets` with `force`. Commits by hand and records in
   * flight of the time before do not count any more. Rejects with `ERR_CSB_NOT_CONNECTED`, `ERR_CSB_TOPIC_NOT_FOUND`,
   * `ERR_CSB_PARTITION_NOT_FOUND` or `ERR_CSB_INVALID_CONFIG`.
   */
  seek(to: OffsetReset['to'], options?: Pick<OffsetReset, 'partitions' | 'dryRun'>): Promise<PartitionReset[]>
  /**
   * Stops fetching. Nothing is lost and the partitions are kept.
   * @throws {@link ChangeStreamBrokerError} `ERR_CSB_NOT_CONNECTED`
   */
  pause(): void
  /**
   * Goes on where `pause` stopped.
   * @throws {@link ChangeStreamBrokerError} `ERR_CSB_NOT_CONNECTED`
   */
  resume(): void
  /**
   * Commits now what is handled. Resolves to `false` when there was nothing to commit. Rejects with `ERR_CSB_LEASE_LOST`
   * when another member owns the partition now: what was handled since the last commit is delivered there again.
   */
  commitOffsets(): Promise<boolean>
  /** Unsubscribes, in the same way, for good. */
  disconnect(): Promise<void>
}

/** Every failure of this package. Compare `code` or `kind`; the message is for people and may change. */
export declare class ChangeStreamBrokerError extends Error {
  /** What failed. Codes are stable. */
  readonly code: ErrorCode
  /** What to do about it. */
  readonly kind: ErrorKind
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** `'none'` promises that nothing was changed, so a retry cannot duplicate anything. */
  readonly effect: Effect
  /** Of a failed `send`: whether the message may have been stored. */
  readonly status?: 'notWritten' | 'unknown'
  /** Of a failed `send`: what became of each of its messages, in their order. Absent if none of them was tried. */
  readonly statuses?: readonly ('written' | 'notWritten' | 'unknown')[]
  /** Topic name, where known. */
  readonly topic?: string
  /** Partition number, where known. */
  readonly partition?: number
  /** Consumer group, where known. */
  readonly groupId?: string
  /** What caused it, where known. */
  readonly cause?: unknown
  /** For tests of your own: this package makes its errors itself. */
  constructor(message: string, fields: Omit<ChangeStreamBrokerError, 'name' | 'message' | 'stack'>)
}

/**
 * The second of a date as a `Timestamp` for the MongoDB driver, such as its `startAtOperationTime` takes.
 * @throws {@link ChangeStreamBrokerError} `ERR_CSB_INVALID_CONFIG` unless it is a valid date between 1970 and 2106.
 */
export declare function DateToTimestamp(date: Date): BsonTimestamp
