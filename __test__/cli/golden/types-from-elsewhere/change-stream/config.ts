import { Purchase, KIND } from './message-payload.schema'
import { Settings } from './settings'
import type Defaults from './settings'
import { type Name, name } from './settings'

const settings: Settings = { partitions: 1 }
export const defaults: Defaults = { retentionMs: 1000 }
export const example: Purchase = { id: '1', note: 'note' }
export const producer = defineProducer({ topic: KIND, ...settings, ...defaults })
export const named: Name = name
export type { Purchase as Bought, Settings }
export { type Name }
