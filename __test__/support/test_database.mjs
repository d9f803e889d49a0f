import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'

/**
 * A database of its own on the test server. Brokers made by `broker()` are disconnected and the database is dropped
 * when the tests of the calling file are over.
 */
export function testDatabase(label) {
  const uri = process.env.MONGODB_BROKER_URI
  if (!uri) throw new Error('MONGODB_BROKER_URI is not set; run through: node scripts/with_mongod.mjs -- <command>')
  const database = `csb_${label}_${randomBytes(4).toString('hex')}`
  const client = new MongoClient(uri)
  const brokers = []
  after(async () => {
    await Promise.all(brokers.map((broker) => broker.disconnect()))
    await client.db(database).dropDatabase()
    await client.close()
  })
  return {
    uri,
    database,
    client,
    db: client.db(database),
    /** A connected broker on this database. */
    async broker(config = {}) {
      const broker = new ChangeStreamBroker({ mongoUri: uri, database, autoCreateTopics: true, ...config })
      brokers.push(broker)
      await broker.connect()
      return broker
    },
  }
}

let topics = 0

/** A topic name that no other test of this process uses. */
export function uniqueTopic(label = 'topic') {
  topics += 1
  return `${label}-${topics}`
}

export const producerConfig = (topic, partitions = 1, more = {}) => ({
  topic,
  partitions,
  retentionMs: 3_600_000,
  ...more,
})

export const consumerConfig = (topic, groupId, more = {}) => ({ groupId, topic, ...more })
