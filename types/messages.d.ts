// Hand-written.

/**
 * Messages: what is sent, and what a handler gets.
 * @module messages
 */
import type * as records from './records'

/** Any document. Assignable to and from the driver's `Document`. */
export interface Document {
  [key: string]: any
}

/** Position in a change stream. Opaque: store it, compare it, hand it back, but do not look inside. */
export type ResumeToken = unknown

/** Headers of a message: the known ones are typed, any other BSON value may stand beside them. */
export interface Header extends records.Header {
  /** Any other header, such as `traceparent`. */
  [header: string]: any
}

/** A message. */
export interface Message<T = Document> {
  /** Messages with one key go to one partition and keep their order. Without it the payload decides the partition. */
  key?: string | undefined
  /** Payload: any BSON value. Stored with its envelope it may take at most 16 MiB. */
  value: T
  /** When it happened. Retention counts from here. */
  timestamp: Date
  /** What describes the payload. */
  headers?: Header | undefined
}

/** What `send` takes. */
export interface ProducerMessage<T = Document> extends Omit<Message<T>, 'timestamp'> {
  /** When it happened. Retention counts from here. Default: now. */
  timestamp?: Date | undefined
  /** Makes the send idempotent: in its partition a second message with this id is not stored. Default: a new id. */
  messageId?: string | undefined
}

/** A message as a handler gets it. */
export interface ReceivedMessage<T = Document> extends Message<T> {
  /** Id of the message: the producer's `messageId`, or the one made for it. The same at every delivery. */
  id: string
}

/** A message with the place it was read from. */
export interface ConsumerRecord<T = Document> {
  /** Topic name. */
  topic: string
  /** Partition number, from 0. */
  partition: number
  /** The message, its value exactly as it was sent. */
  message: ReceivedMessage<T>
  /** Position of this record, the one that a commit stores; `null` where it has none of its own. */
  offset: ResumeToken
  /** When this process received it. */
  timestamp: Date
  /** Set if this is a dead letter that is delivered again because somebody asked for it. */
  redriven?: true
}

/** How far a consumer is. */
export interface OffsetInfo {
  /** The newest offset of a record that is finished, over all partitions, also of one that was given up; `null` before the first. */
  lastProcessed: ResumeToken | null
  /** Offset committed last; `null` before the first. */
  lastCommitted: ResumeToken | null
  /** Whether something was handled that is not committed yet. */
  hasUncommitted: boolean
  /** The opposite of `hasUncommitted`. */
  areOffsetsSynced: boolean
}
