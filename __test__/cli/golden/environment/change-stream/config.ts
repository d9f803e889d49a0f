import { env } from 'node:process'
import process2 from 'node:process'

const { KAFKA_LIKE_URI, TOPIC_PREFIX: prefix = 'prefix' } = process.env
const development = process.env.NODE_ENV !== 'production'

export const brokerConfig = defineBroker({
  mongoUri: process.env['ORDERS_URI'] ?? process.env.FALLBACK_URI,
  database: process.env.ORDERS_DATABASE!,
  autoCreateTopics: process.env.AUTO_CREATE === 'true' || development,
  logLevel: development ? 'DEBUG' : 'WARN',
  logContext: `Orders of ${process.env.REGION ?? 'nowhere'}`,
})
export const second = defineBroker({ mongoUri: KAFKA_LIKE_URI as string, database: env.SECOND_DATABASE })
export const third = defineBroker({
  mongoUri: process2.env.THIRD_URI,
  database: (process.env as Record<string, string>).THIRD_DATABASE,
})

export const orders = defineProducer({
  topic: `${prefix}.orders`,
  partitions: Number(process.env.PARTITIONS ?? 3),
  retentionMs: parseInt(process.env.RETENTION_DAYS || '7', 10) * 86_400_000,
})
export const ordersConsumer = defineConsumer({
  groupId: process.env.GROUP || 'orders-service',
  topic: 'orders',
  partitions: process.env.ASSIGNED?.split(',').map(Number) ?? [0],
})
