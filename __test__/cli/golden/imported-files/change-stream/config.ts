import { defineBroker, defineConsumer, defineProducer } from '@dafaz/change-stream-broker/define'
import DEFAULTS, { DAY } from './settings/defaults'
import * as topics from './topics'
import { days, groups as consumerGroups, uri } from '../src/shared/index.js'
import './side-effect'
import type { Settings } from './settings/defaults'

export * from './analytics'
export * as names from './topics'
export { purchases as purchasesProducerConfig, default as refundsProducerConfig } from './producers'
export { DAY }
export { days as inDays }

const settings: Settings = { ...DEFAULTS, retentionMs: days(3) }
export const brokerConfig = defineBroker({ mongoUri: uri, database: topics.prefix })
export const shipmentsProducerConfig = defineProducer({ topic: topics.TOPICS.shipments, ...settings })
export const shipmentsConsumerConfig = defineConsumer({
  groupId: consumerGroups[0],
  topic: topics.TOPICS['shipments'],
  partitions: [0, 1],
})
