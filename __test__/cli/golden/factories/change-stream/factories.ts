import { defineConsumer, defineProducer, type ConsumerConfig, type ProducerConfig } from '@dafaz/change-stream-broker'

export const makeProducer = (topic: string, { partitions = 1 }: { partitions?: number } = {}): ProducerConfig =>
  defineProducer({ topic, partitions, retentionMs: 1000 })

export function makeConsumer({ topic, service }: { topic: string; service: string }): ConsumerConfig {
  const groupId = `${service}-service`
  return defineConsumer({ topic, groupId, partitions: [0] })
}

export const withDefaults =
  (partitions: number): ((topic: string) => ProducerConfig) =>
  (topic) =>
    defineProducer({ topic, partitions, retentionMs: 1000 })
