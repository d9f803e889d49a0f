import names from './names.json'
import * as all from './names.json'
import { topic } from './names.json'
import settings from '../settings.json'
import { attributed } from './attributes.mjs'
import list from './list.json'

export const producer = defineProducer({
  topic: names.topic,
  partitions: settings.partitions,
  retentionMs: settings['retention-ms'],
})
export const consumer = defineConsumer({ topic, groupId: all.groups.first, partitions: list })
export const same: boolean = attributed === settings.partitions
export const everything = { names, settings, list }
export { default as labels } from './labels.json'
