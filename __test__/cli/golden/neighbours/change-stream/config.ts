import { javascript } from './javascript.js'
import { milliseconds } from './module.mjs'
import { typescript } from './typescript.mjs'
import { declared } from './declared.mjs'
import type { Ambient } from './ambient'
import { cts } from './script.cjs'

export const producer = defineProducer({ topic: javascript.topic, partitions: typescript, retentionMs: milliseconds })
export const ambient: Ambient = { ambient: true }
export const consumer = defineConsumer({ topic: declared, groupId: 'neighbours', partitions: [0] })
export const script = cts
