import { ChangeStreamBroker } from '@dafaz/change-stream-broker'

export const PAYMENTS = { name: 'payments', partitions: 2, retentionMs: 7 * 24 * 60 * 60 * 1000 }
export const WORKERS = 'payment-workers'

/** A connected broker whose topic exists. */
export async function connectBroker() {
  const broker = new ChangeStreamBroker({
    mongoUri: process.env.MONGODB_BROKER_URI,
    database: process.env.MONGODB_BROKER_DATABASE,
    logLevel: 'ERROR',
  })
  await broker.connect()
  await broker.createTopic(PAYMENTS)
  return broker
}
