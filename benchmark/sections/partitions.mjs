// One topic with more and more partitions at the same 1000 msg/s: what it costs the consumer and the server.
import { MongoClient } from 'mongodb'
import { freshTopic } from '../measurement/messages.mjs'
import { pacedRun } from '../measurement/paced_run.mjs'
import { percentile } from '../measurement/statistics.mjs'

const RATE = 1000
const SECONDS = 8
/** 1.4.2 opens a stream for each partition; with more, it takes minutes to do so. */
const MOST_OF_RELEASE_1_4_2 = 64

export const cases = [1, 8, 32, 64, 256].map((partitions) => ({
  name: `${partitions} partitions`,
  unit: 'ms',
  partitions,
  contenders: ['ours', 'bare_driver', 'no_consumer', ...(partitions <= MOST_OF_RELEASE_1_4_2 ? ['release_1_4_2'] : [])],
}))

export async function run({ contender, uri, measured, settings: { partitions } }) {
  const place = { uri, ...freshTopic(), partitions }
  const client = new MongoClient(uri)
  // Made by ours, whoever reads it: all have the same collections and indexes.
  const { sender } = await import('../contenders/ours.mjs')
  await (await sender(place)).close()
  let during
  const { latencies, cost } = await pacedRun({
    sending: { ...place, contender: 'bare_driver', rate: RATE, seconds: SECONDS, isBatch: true },
    subscribe: (handle) => contender.receiver(place, handle),
    measured,
    halfWay: async () => {
      during = await serverStatus(client)
    },
  })
  await client.db(place.database).dropDatabase()
  await client.close()
  return {
    ...(latencies.length > 0 ? { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) } : {}),
    cpuSeconds: cost.cpuSeconds,
    connections: during.connections.current,
    cursors: during.metrics.cursor.open.total,
  }
}

function serverStatus(client) {
  return client.db('admin').command({ serverStatus: 1 })
}
