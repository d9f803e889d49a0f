import { ChangeStreamBroker } from '@dafaz/change-stream-broker'

export const ORDERS = { name: 'orders', partitions: 3, retentionMs: 7 * 24 * 60 * 60 * 1000 }

/** A connected broker whose topic exists, whichever of the programs is started first. */
export async function connectBroker() {
  const broker = new ChangeStreamBroker({
    mongoUri: process.env.MONGODB_BROKER_URI,
    database: process.env.MONGODB_BROKER_DATABASE,
    logLevel: 'WARN',
  })
  await broker.connect()
  await broker.createTopic(ORDERS)
  return broker
}
