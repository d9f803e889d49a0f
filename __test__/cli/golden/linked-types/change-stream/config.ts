import { defineBroker, defineConsumer, defineProducer } from '@dafaz/change-stream-broker'
import { Topics } from './topics'
import type { Refund } from './message-payload.schema'

const make = <T>(topic: string) => defineProducer<T>({ topic, partitions: 1, retentionMs: 1000 })

export const brokerConfig = defineBroker({ mongoUri: process.env.MONGODB_BROKER_URI, database: 'linked' })
export const purchasesProducerConfig = defineProducer({ topic: Topics.Purchases, partitions: 3, retentionMs: 1000 })
export const purchasesConsumerConfig = defineConsumer({ topic: Topics.Purchases, groupId: 'linked', partitions: [0, 1, 2] })
export const paymentsProducerConfig = defineProducer({ topic: 'payments', partitions: 1, retentionMs: 1000 })
export const paymentsConsumerConfig = defineConsumer({ topic: 'payments', groupId: 'linked', partitions: [0] })
export const refundsProducerConfig = make<Refund>('refunds')
export const inheritedConsumerConfig = defineConsumer({ topic: 'inherited', groupId: 'linked', partitions: [0] })
export const everyProducerConfig = [purchasesProducerConfig, paymentsProducerConfig]
export const topicOfEnvironment = defineProducer({ topic: process.env.TOPIC ?? 'payments', partitions: 1, retentionMs: 1000 })
