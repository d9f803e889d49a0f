import { defineBroker, defineConsumer, defineProducer, defineTopic } from '@dafaz/change-stream-broker'
import type { ProducerConfig } from '@dafaz/change-stream-broker'

const TOPIC = 'orders.placed'
const DAY = 24 * 60 * 60 * 1000
const DEFAULTS = { partitions: (1 + 2) * 2, retentionMs: 7 * DAY } as const
const suffix: string = `${TOPIC.toUpperCase()}`.toLowerCase().trim()
const unset: number | undefined = undefined
const isLarge = DEFAULTS.partitions > 4

export const brokerConfig = defineBroker({
  mongoUri: 'mongodb://localhost:27017/?replicaSet=rs0',
  database: 'computed',
  logContext: "it's 'quoted' \"twice\" \\ and\ttabbed",
  autoCreateTopics: !false,
  operationTimeoutMs: 2 ** 10 * 10,
})

// A configuration in a variable, with `satisfies`.
const placed = {
  'topic': TOPIC,
  ...DEFAULTS,
  retentionMs: 2 * DEFAULTS.retentionMs,
} satisfies ProducerConfig

export const ordersPlacedProducer = defineProducer(placed)
export const ordersCancelledProducer = defineProducer({
  topic: 'orders' + '.' + 'cancelled',
  partitions: 0b11,
  retentionMs: +86_400_000,
  ['partition' + 'Strategy']: 'hash' as const,
} as any)
export const ordersPaidProducer = defineProducer({
  ...placed,
  topic: TOPIC.length ? 'orders.paid' : TOPIC,
  ...(isLarge && { partitions: 0x10 }),
})

const partitions = Array.from({ length: DEFAULTS.partitions }, (_, index) => index)
const groupId = `orders-${suffix}-${1 + 1}`
export const ordersConsumer = defineConsumer({
  groupId,
  topic: TOPIC,
  partitions,
  maxRetries: -1 + 4,
  retryDelayMs: unset ?? 250,
})
export const cancelledConsumer = defineConsumer({
  groupId: Object.freeze({ name: 'cancelled' }).name,
  topic: 'orders.cancelled'!,
  partitions: [0, 1, 2].map((n) => n),
})

export const paidTopic = defineTopic({ name: 'orders.paid', partitions: 16, retentionMs: 14 * DAY })

export const numbers = { zero: 0, negative: -1, fraction: 0.1 + 0.2, big: 1e21, power: 2 ** 0.5, infinite: 1 / 0 }
export const day: number = DAY
export const list = [TOPIC, ...['a', 'b'], , 'c']
