// Hand-written.

/**
 * What consumers and brokers tell those who listen, and how far behind a group is.
 * @module events
 */
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
  /**
   * Age of the oldest of them in seconds, by the time of the server's newest write; 0 without any. Where nothing is written
   * it may be up to ten seconds low.
   */
  seconds: number
}

/** What every event of a consumer carries. */
export interface ConsumerEvent {
  /** Topic name. */
  topic: string
  /** Consumer group. With `groupMode: 'broadcast'` that is `<groupId>@<instanceId>`. */
  groupId: string
}

/** What every event of one partition carries. */
export interface PartitionEvent extends ConsumerEvent {
  /** Partition number. */
  partition: number
}

/** The events of a consumer, by name, with what a listener gets. */
export interface ConsumerEvents {
  /** The consumer owns these partitions now and listens to them. */
  assigned: ConsumerEvent & {
    /** Partition numbers. */
    partitions: number[]
  }
  /** It owns this partition no longer. */
  revoked: PartitionEvent & {
    /**
     * `rebalanced`: the group gave it to another member in good order; `unsubscribed`: the consumer ends; `leaseLost`:
     * another member has taken it over; `failed`: it cannot be read on, the event `error` says why.
     */
    reason: 'rebalanced' | 'unsubscribed' | 'leaseLost' | 'failed'
  }
  /** An offset was stored. May be frequent. */
  committed: PartitionEvent & {
    /** Everything up to here is handled; `null` while the stored history is read. */
    offset: ResumeToken | null
  }
  /** Everything before the consumer's `until` is handled in this partition, and nothing more is delivered from it. */
  completed: PartitionEvent & {
    /** Everything up to here is handled; `null` while the stored history is read. */
    offset: ResumeToken | null
    /**
     * Partitions that the consumer has now and that are not there yet. With 0 a replay by one consumer is done.
     */
    remaining: number
  }
  /** An attempt failed and another one follows. */
  retried: PartitionEvent & {
    /** Id of the message. */
    messageId: string
    /** Number of the attempt that failed, from 1. */
    attempt: number
    /** Class of the error, such as `TypeError`. */
    errorName: string
    /** Pause before the next attempt, in milliseconds. */
    delayMs: number
  }
  /** A record was given up and stored in `dead_letters`. */
  deadLettered: PartitionEvent & {
    /** Id of the message. */
    messageId: string
    /** Attempts that failed. */
    attempts: number
    /** Class of the last error, such as `TypeError`. */
    errorName: string
  }
  /** Delivery goes on after a fault. */
  recovered: PartitionEvent & {
    /** `lostPosition`: the server could not resume from the position; `stall`: nothing came from it for a while. */
    from: 'lostPosition' | 'stall'
    /** Time from when the fault was noticed to its end, in milliseconds. */
    durationMs: number
    /** Stored messages that were read again to find those not delivered; 0 after a stall. */
    scanned: number
    /** How many of them may have been handled before. Their records have `possibleDuplicate`. */
    possibleDuplicates: number
  }
  /** Retention may have deleted messages before the group read them; see `onExpired`. */
  expired: PartitionEvent & {
    /** The group had read everything up to here. */
    from: Date
    /** What was sent from here on is still there. */
    to: Date
    /** Whether the partition goes on behind the gap (`onExpired: 'skip'`) or has ended (`'fail'`). */
    skipped: boolean
  }
  /** No progress, although there should be some. */
  stalled: ConsumerEvent & {
    /** Partition number; `null` for the whole consumer. */
    partition: number | null
    /** `server`: nothing comes from it, not even that there is nothing; `eventLoop`: that of this process does not run. */
    reason: 'server' | 'eventLoop'
    /** Time since the last sign of life, in milliseconds. */
    sinceMs: number
  }
  /**
   * Somebody stores offsets of the partition without owning it, as 1.4.2 does: its members and ours handle the same
   * messages. Said once per partition. What is stored is not taken back.
   */
  unfencedWriter: PartitionEvent
  /** An error that belongs to no record: what `errorHandler` gets with `null`. */
  error: ConsumerEvent & {
    /** The error. */
    error: ChangeStreamBrokerError
  }
}

/** The events of a broker: its own, and those of all consumers that it made. */
export interface BrokerEvents extends ConsumerEvents {
  /** `connect` has succeeded. Reconnects to the server are no events. */
  connected: object
  /** `disconnect` has finished, also one that was begun inside a handler. */
  disconnected: object
}
