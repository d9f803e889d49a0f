// Hand-written.

/**
 * What groups gave up on: looking at it, having it delivered again, removing it.
 * @module dead_letters
 */
import type { ReceivedMessage, ResumeToken } from '../index'

/** One failed attempt of a handler. */
export interface DeadLetterError {
  /** Class of the error, such as `TypeError`; `ERR_CSB_…` where this package gave the message up by itself. */
  name: string
  /** Its message, of a long one the beginning (16 KiB). */
  message: string
  /** Its stack trace, if it had one, shortened in the same way. */
  stack?: string
  /** When the attempt failed. */
  at: Date
}

/** A redrive that was asked for and is not finished. */
export interface PendingRedrive {
  /** Names the request; letters of one request have the same id. */
  id: string
  /** When it was asked for, by the server's clock. */
  requestedAt: Date
  /** When it is this letter's turn: later than `requestedAt` if a rate was given. */
  notBefore: Date
}

/** A message that a group gave up on. `T` is the payload type. */
export interface DeadLetter<T = any> {
  /** Consumer group. */
  groupId: string
  /** Topic name. */
  topic: string
  /** Partition number, from 0. */
  partition: number
  /** Id of the message. A group has one letter per message. */
  messageId: string
  /** The message, its value exactly as it was sent; `null` if it is larger than 15 MiB or cannot be read. */
  message: ReceivedMessage<T> | null
  /** Position of the message; `null` if it was read from the stored history. */
  offset: ResumeToken | null
  /** Attempts that failed, those of redrives included. */
  attempts: number
  /** The newest 20 of them, oldest first. */
  errors: DeadLetterError[]
  /** When the group gave up. A redrive that fails does not change it. */
  deadAt: Date
  /** When the letter is deleted by itself; `null`: never, or not while a redrive is pending. */
  expiresAt: Date | null
  /** Redrives that failed. */
  redrives: number
  /** The redrive that is pending, if there is one. */
  redrive: PendingRedrive | null
}

/**
 * Which letters: all that fulfil every condition. A field that is unknown, or has no value, is refused with
 * `ERR_CSB_INVALID_CONFIG`: otherwise a misspelt condition would select every letter.
 */
export interface DeadLetterFilter {
  /** Topic of the message. A consumer's letters are those of its own topic. */
  topic?: string
  /** Partition of the message. */
  partition?: number
  /** Id of the message, or several. */
  messageId?: string | readonly string[]
  /** Key of the message. */
  key?: string
  /** Class of the newest error, such as `TypeError`. */
  errorName?: string
  /** Given up at this moment or later. */
  since?: Date
  /** Given up before this moment. */
  until?: Date
  /** Whether a redrive is pending. */
  redriving?: boolean
}

/** Which letters to list, and how. */
export interface DeadLetterQuery extends DeadLetterFilter {
  /** In which order: that of the messages in their topic. @default 'newest' */
  order?: 'newest' | 'oldest' | undefined
  /** Letters of a page at most, 1 to 1000. A page also ends after 16 MiB of messages. @default 100 */
  limit?: number | undefined
  /** `after` of the page before. @default the first page */
  after?: string | null | undefined
}

/** Letters of one page. */
export interface DeadLetterPage<T = any> {
  /** The letters, in order. */
  letters: DeadLetter<T>[]
  /** Asks for the next page; `null` on the last one. Opaque. */
  after: string | null
}

/** How fast letters are delivered again. */
export interface RedriveOptions {
  /**
   * Letters of this request per second at most, all partitions together, 0.001 to 10000.
   * @default as fast as the group handles them
   */
  ratePerSecond?: number | undefined
}

/**
 * The dead letters of a group. `T` is the payload type. A text stands for the letters of the message with that id. Every
 * method rejects with `ERR_CSB_NOT_CONNECTED` while its consumer or broker is not connected.
 */
export interface DeadLetters<T = any> {
  /** A page of letters. */
  list(query?: DeadLetterQuery): Promise<DeadLetterPage<T>>
  /** Every letter, read page by page: `for await (const letter of deadLetters.iterate()) …`. */
  iterate(query?: DeadLetterQuery): AsyncGenerator<DeadLetter<T>, void, undefined>
  /** How many letters there are. */
  count(filter?: DeadLetterFilter): Promise<number>
  /**
   * Has letters delivered again, without an argument all. They go to this group only, to the handler of whichever
   * member owns the partition, oldest message first and one at a time per partition, with all attempts anew; their
   * records have `redriven: true`. A letter that is handled is removed; one that fails again stays, with the new
   * errors. Letters whose redrive is pending are left alone, so asking twice delivers once. If a member crashes while
   * it handles a letter, the letter is delivered again; at the third time the redrive counts as failed.
   *
   * Resolves to the number of letters that were marked; they are delivered within seconds if the group is running, else
   * when it is.
   */
  redrive(which?: string | DeadLetterFilter, options?: RedriveOptions): Promise<number>
  /** Stops redrives, except of letters that a handler has already got. Resolves to how many. */
  cancelRedrive(which?: string | DeadLetterFilter): Promise<number>
  /**
   * Removes letters for good. Needs a condition, or `{ all: true }`; without either it rejects with
   * `ERR_CSB_INVALID_CONFIG`. Resolves to how many it removed.
   */
  purge(which: string | DeadLetterFilter | { all: true }): Promise<number>
}
