// The reference package, 1.4.2, and ours, for tests that do the same with both.
import peer from 'peer-1.4.2'
import ours from '../../index.js'

export const packages = { '1.4.2': peer, ours }
export { ours, peer }

/** A connected producer of either package. */
export async function directProducer({ ChangeStreamProducer }, config, { uri, database }) {
  const producer = new ChangeStreamProducer(config, uri, database)
  await producer.connect()
  return producer
}
