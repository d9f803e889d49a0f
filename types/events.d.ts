// What consumers and brokers tell those who listen, and how far behind a group is. Hand-written.

import type { ChangeStreamBrokerError, ResumeToken } from '../index'

/** How far a group is behind in a partition. */
export interface PartitionLag {
  /** Partition number. */
  partition: number
  /**
   * Stored messages that the group has not committed, counted up to 1000000. Exact but for messages whose inserts
   * overlapped with the newest committed one, within milliseconds.
   */
  messages: number
  /** Age of the oldest of them in seconds, by the server's clock; 0 without any. */
  seconds: number
}

/** What every event of a consumer carries. */
export interface ConsumerEvent {
  /** Topic name. */
  topic: string
  /** Consumer group. */
  groupId: string
}

/** The events of a consumer, by name. */
export interface ConsumerEvents {
  /** The consumer owns these partitions now and listens to them. */
  assigned: ConsumerEvent & { partitions: number[] }
  /**
   * It owns this partition no longer: the group gave it to another member in good order, `unsubscribe`, another member has
   * taken it over, or it cannot be read on.
   */
  revoked: ConsumerEvent & { partition: number; reason: 'rebalanced' | 'unsubscribed' | 'leaseLost' | 'failed' }
  /** An offset was stored; `null` while the stored history is read. May be frequent. */
  committed: ConsumerEvent & { partition: number; offset: ResumeToken | null }
  /**
   * Everything before the consumer's `until` is handled in this partition, and nothing more is delivered from it.
   * `remaining` of the partitions that the consumer has now are not there yet; with 0 a replay by one consumer is done.
   */
  completed: ConsumerEvent & { partition: number; offset: ResumeToken | null; remaining: number }
  /** An attempt failed and another one follows after `delayMs`. */
  retried: ConsumerEvent & {
    partition: number
    messageId: string
    attempt: number
    errorName: string
    delayMs: number
  }
  /** A record was given up and stored in `dead_letters`. */
  deadLettered: ConsumerEvent & { partition: number; messageId: string; attempts: number; errorName: string }
  /**
   * Delivery goes on: after a position that the server could not resume from (`scanned` stored messages were read
   * again, of which `possibleDuplicates` may have been handled before), or after a stall.
   */
  recovered: ConsumerEvent & {
    partition: number
    from: 'lostPosition' | 'stall'
    durationMs: number
    scanned: number
    possibleDuplicates: number
  }
  /** Retention may have deleted messages between these times before the group read them; see `onExpired`. */
  expired: ConsumerEvent & { partition: number; from: Date; to: Date; skipped: boolean }
  /** Nothing comes from the server, or the event loop did not run; `partition` is `null` for the whole consumer. */
  stalled: ConsumerEvent & { partition: number | null; reason: 'server' | 'eventLoop'; sinceMs: number }
  /**
   * Somebody stores offsets of the partition without owning it, as 1.4.2 does: its members and ours handle the same
   * messages. Said once per partition. What is stored is not taken back.
   */
  unfencedWriter: ConsumerEvent & { partition: number }
  /** An error that belongs to no record: what `errorHandler` gets with `null`. */
  error: ConsumerEvent & { error: ChangeStreamBrokerError }
}

/** The events of a broker: its own, and those of all consumers that it made. */
export interface BrokerEvents extends ConsumerEvents {
  /** `connect` has succeeded. Reconnects to the server are no events. */
  connected: object
  /** `disconnect` has finished, also one that was begun inside a handler. */
  disconnected: object
}
