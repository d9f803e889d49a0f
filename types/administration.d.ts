// Hand-written.

/**
 * What stands beside sending and receiving: committed positions, topics with their retention, groups.
 * @module administration
 */
import type {
  ChangeStreamBroker,
  ChangeStreamBrokerError,
  ChangeStreamConsumer,
  ResumeToken,
  TopicConfig,
} from '../index'

/** A committed position of a group. */
export interface OffsetCommit {
  /** Topic name. */
  topic: string
  /** Partition number, from 0. */
  partition: number
  /** Consumer group. */
  groupId: string
  /** The position: what stands before it is handled. */
  offset: ResumeToken
  /** When it was committed. */
  timestamp: Date
}

/** Reads and writes the committed positions of groups, in the collection `consumer_offsets`. */
export declare class OffsetStorage {
  /** @param database Default: `change-stream-broker`. */
  constructor(mongoUri: string, database?: string)
  /** Connects; does nothing when connected. */
  connect(): Promise<void>
  /** Rejects with `ERR_CSB_NOT_CONNECTED` unless `connect` succeeded. */
  ensureConnected(): Promise<void>
  /** Closes the connection. May be called twice. */
  disconnect(): Promise<void>
  /**
   * Stores a position, as a tool of 1.4.2 would. A member that is running does not notice: its next commit replaces an earlier
   * position, and leaves a later one, which it tells of as `unfencedWriter`. `seek` and `resetOffsets` move running members.
   */
  commitOffset(commit: OffsetCommit): Promise<void>
  /** As {@link commitOffset}; resolves to `false` when that very offset is stored already. */
  commitOffsetIfChanged(commit: OffsetCommit): Promise<boolean>
  /** The stored offset, or `null`. */
  getOffset(groupId: string, topic: string, partition: number): Promise<ResumeToken | null>
  /** Every stored offset of a group, the newest first. */
  getOffsets(groupId: string): Promise<OffsetCommit[]>
  /** Whether `connect` succeeded. */
  isConnected(): boolean
  /** Where the offsets are. */
  getConnectionInfo(): {
    /** Name of the database. */
    database: string
    /** `consumer_offsets`. */
    collection: string
  }
}

/** Index that removes messages when their retention ends. */
export interface TTLIndexInfo {
  /** Version of the index format. */
  v: number
  /** Indexed fields: `{ _timestamp: 1 }`. */
  key: { [key: string]: number }
  /** `ttl_<collection>_timestamp`. */
  name: string
  /** Namespace, from servers that report it. */
  ns?: string
  /** Retention in **seconds**. */
  expireAfterSeconds: number
  /** Whether it was built in the background. */
  background?: boolean
  /** Whether values are unique; not for this index. */
  unique?: boolean
  /** Whether documents without the field are left out. */
  sparse?: boolean
}

/** A collection as {@link TopicManager.getTTLIndexStats} describes it. */
export interface TTLIndexStats {
  /** Collection name. */
  collection: string
  /** Its retention index, if it has one. */
  indexInfo?: TTLIndexInfo | undefined
  /** Number of documents. */
  documentCount: number
  /** Whether a document has a `_timestamp` that is a date. */
  hasTimestampField: boolean
}

/** What is wrong with the retention of a collection. */
export interface TTLValidationResult {
  /** Whether `issues` is empty. */
  isValid: boolean
  /** What was found, for people. */
  issues: string[]
  /** The retention index, if there is one. */
  indexInfo?: TTLIndexInfo | undefined
  /** A document with a `_timestamp`, if there is one. */
  sampleDocument?: any
}

/** Creates topics and looks after their retention, in the collection `topics`. */
export declare class TopicManager {
  /** @param database Default: `change-stream-broker`. */
  constructor(mongoUri: string, database?: string)
  /** Connects; does nothing when connected. */
  connect(): Promise<void>
  /** Closes the connection. May be called twice. */
  disconnect(): Promise<void>
  /** Creates a topic or changes it, as {@link ChangeStreamBroker.createTopic}. */
  createTopic(config: TopicConfig): Promise<void>
  /** Whether there is a topic with this name. */
  topicExists(topicName: string): Promise<boolean>
  /** Configuration of a topic, or `null`. */
  getTopicConfig(topicName: string): Promise<
    | (TopicConfig & {
        /** Prefix of the partition collections, `<collection>_p<n>`. */
        collection: string
      })
    | null
  >
  /** The retention index of a collection, or `null`. A partition's collection is named `<topic>_p<n>`. */
  getTTLIndexInfo(collectionName: string): Promise<TTLIndexInfo | null>
  /** Every collection of the database with its retention index. Counts documents: slow on large databases. */
  getTTLIndexStats(): Promise<TTLIndexStats[]>
  /** Checks that a collection has its retention index and that the index can work. */
  validateTTLIndex(collectionName: string): Promise<TTLValidationResult>
  /** Whether `connect` succeeded. */
  isConnected(): boolean
}

/** Consumers of a group by their ids. */
export type ConsumerMap = Map<string, ChangeStreamConsumer>

/** What this process knows of a group. */
export interface ConsumerGroup {
  /** Name of the group. */
  groupId: string
  /** Topics of the group. */
  topics: string[]
  /** Last offset of each partition, by `<topic>_p<n>`. */
  lastOffsets: Map<string, ResumeToken>
  /** Consumers of the group in this process. */
  members: ConsumerMap
}

/** Registry of the groups in this process. Members in other processes are not listed. */
export declare class ConsumerGroupManager {
  /** An empty registry. */
  constructor()
  /** Registers a group, replacing an earlier one of that id. */
  createConsumerGroup(groupId: string, topics: string[]): ConsumerGroup
  /** The group, if it is registered. */
  getConsumerGroup(groupId: string): ConsumerGroup | undefined
  /**
   * Adds a consumer. Throws a {@link ChangeStreamBrokerError} `ERR_CSB_INVALID_CONFIG` when the group is not registered.
   */
  addMemberToGroup(groupId: string, consumerId: string, consumer: ChangeStreamConsumer): void
  /** Removes a consumer, without disconnecting it. */
  removeMemberFromGroup(groupId: string, consumerId: string): void
  /** Notes the last offset of a partition; nothing is stored in the database. */
  updateOffset(groupId: string, topic: string, offset: ResumeToken, partition: number): void
  /** The offset noted last. */
  getOffset(groupId: string, topic: string, partition: number): ResumeToken | undefined
  /** Does nothing; kept from 1.4.2, where it only logged. */
  rebalanceGroup(groupId: string): Promise<void>
  /** Disconnects every consumer of the group in this process and forgets the group. */
  disconnectGroup(groupId: string): Promise<void>
  /** Consumers of the group in this process, if it is registered. */
  getGroupMembers(groupId: string): ConsumerMap | undefined
  /** Every registered group by its id. */
  getAllConsumerGroups(): Map<string, ConsumerGroup>
}

/** Which offsets to set, and to what. */
export interface OffsetReset {
  /** Consumer group. With `groupMode: 'broadcast'` that is `<groupId>@<instanceId>`. */
  groupId: string
  /** Topic. */
  topic: string
  /** Partition numbers. @default all of the topic */
  partitions?: readonly number[] | undefined
  /**
   * `'earliest'`: the oldest message that is stored. `'latest'`: what is sent from now on. A Date: the first message that the
   * server stored in that second or later. The `offset` of a record: the one behind it.
   */
  to: 'earliest' | 'latest' | Date | ResumeToken
  /** Only tells what would change. @default false */
  dryRun?: boolean | undefined
  /** Also while members of the group run. @default false */
  force?: boolean | undefined
}

/** What a reset changes in one partition. */
export interface PartitionReset {
  /** Partition number. */
  partition: number
  /** Stored messages that the group had to handle before it, counted up to 1000000. */
  before: number
  /** Stored messages that it has to handle after it. */
  after: number
}
