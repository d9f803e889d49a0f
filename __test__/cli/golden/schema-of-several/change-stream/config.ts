import { defineConsumer, defineProducer } from '@dafaz/change-stream-broker'
import { First } from './message-payload.schema'
import type * as schema from './message-payload.schema'

export const first = defineProducer<First>({ topic: 'first', partitions: 1, retentionMs: 1000 })
export const second = defineConsumer<schema.Second[]>({ topic: 'second', groupId: 'g', partitions: [0] })
export const third = defineConsumer({ topic: 'third', groupId: 'g', partitions: [0] })
