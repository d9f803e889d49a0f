import { inspect } from 'node:util'
import { ObjectId as Id } from 'bson'
import type { Long } from 'bson'
import type { BrokerConfigInput, ProducerConfig } from '@dafaz/change-stream-broker'

const overrides: Partial<BrokerConfigInput> = { logContext: inspect('packages') }
export const brokerConfig = defineBroker({ mongoUri: 'mongodb://localhost', database: 'packages', ...overrides })
export const producer: ProducerConfig<Id> = defineProducer<Id>({ topic: 'ids', partitions: 1, retentionMs: 1000 })
export const length: number = new Id('0123456789abcdef01234567').toHexString().length
export type Position = Long
export type { Id }
export { BSONType } from 'bson'
