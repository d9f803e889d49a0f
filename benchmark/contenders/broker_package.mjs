// What ours and release 1.4.2 have in common: the same API.
import { randomBytes } from 'node:crypto'

/** The contender that a package is. */
export function contenderOf({ ChangeStreamBroker }) {
  async function connect({ uri, database }) {
    const broker = new ChangeStreamBroker({ mongoUri: uri, database, autoCreateTopics: true, logLevel: 'SILENT' })
    await broker.connect()
    return broker
  }

  return {
    /** A function that sends messages `{ key, value }`, one or an array. */
    async sender({ uri, database, topic, partitions = 1 }) {
      const broker = await connect({ uri, database })
      const producer = await broker.createProducer({ topic, partitions, retentionMs: 3_600_000 })
      const stamped = (message) => ({ ...message, timestamp: new Date() })
      return {
        send: (messages) => producer.send(Array.isArray(messages) ? messages.map(stamped) : stamped(messages)),
        close: () => broker.disconnect(),
      }
    },

    /** Calls `handle(value)` with each message; `settings` are those of the consumer and of its handler. */
    async receiver(
      { uri, database, topic, partitions = 1, group = uniqueGroup(), consumer = {}, handling = {} },
      handle,
    ) {
      const broker = await connect({ uri, database })
      const created = await broker.createConsumer({
        groupId: group,
        topic,
        partitions: Array.from({ length: partitions }, (_, number) => number),
        autoCommit: true,
        fromBeginning: false,
        maxRetries: 3,
        retryDelayMs: 1000,
        enableOffsetMonitoring: false,
        options: { batchSize: 1000, maxAwaitTimeMS: 1000, fullDocument: 'updateLookup' },
        ...consumer,
      })
      const { batch = false, ...rest } = handling
      const handlers = batch
        ? {
            batchHandler: async (records) => {
              for (const record of records) handle(record.message.value)
            },
            batch: { maxMessages: 1000 },
          }
        : { handler: async (record) => handle(record.message.value) }
      await created.subscribe({ ...handlers, maxRetries: 3, retryDelay: 1000, autoCommit: true, ...rest })
      return { close: () => broker.disconnect() }
    },
  }
}

export function uniqueGroup() {
  return `group-${randomBytes(4).toString('hex')}`
}
