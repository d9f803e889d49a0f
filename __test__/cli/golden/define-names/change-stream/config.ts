import { defineProducer as producer, LogLevel } from '@dafaz/change-stream-broker'
import * as csb from '@dafaz/change-stream-broker'
import broker from '@dafaz/change-stream-broker'
import * as define from '@dafaz/change-stream-broker/define'

const consume = define.defineConsumer
const again = producer
const { defineTopic } = csb

export const brokerConfig = csb.defineBroker({ mongoUri: 'mongodb://localhost', database: 'names', logLevel: 'SILENT' })
export const level: number = LogLevel.WARN
export const a = producer({ topic: 'a', partitions: 1, retentionMs: 1000 })
export const b = again({ topic: 'b', partitions: 1, retentionMs: 1000 })
export const c = consume({ topic: 'a', groupId: 'c', partitions: [0] })
export const d = csb.defineConsumer<{ own: true }>({ topic: 'b', groupId: 'd', partitions: [0] })
export const e = defineTopic({ name: 'e', partitions: 1, retentionMs: 1000 })
export const f = broker.defineProducer({ topic: 'a', partitions: 1, retentionMs: 1000 })
export const g = csb['defineProducer']({ topic: 'b', partitions: 1, retentionMs: 1000 })
export const typed: csb.ProducerConfig<{ own: 1 }> = producer({ topic: 'a', partitions: 1, retentionMs: 1000 })
// Not ours, though it has the name.
function defineBroker<T>(value: T): { value: T } {
  return { value }
}
export const other: { value: number } = defineBroker(1)
export { a as 'odd-name', b as delete }
