import { makeConsumer, makeProducer, withDefaults } from './factories'
import type { ConsumerConfig, ProducerConfig } from '@dafaz/change-stream-broker'

export const created = makeProducer('created')
export const deleted = makeProducer('deleted', { partitions: 2 })
export const createdConsumer = makeConsumer({ topic: 'created', service: 'mailer' })
export const curried = withDefaults(4)('curried')

const NAMES = ['one', 'two'] as const
/** All of them. */
export const list: ProducerConfig[] = NAMES.map((name) => makeProducer(`list.${name}`))
export const map: Record<(typeof NAMES)[number], ConsumerConfig> = {
  one: makeConsumer({ topic: 'list.one', service: 'one' }),
  two: makeConsumer({ topic: 'list.two', service: 'two' }),
}
export const [first, second] = NAMES.map((name) => makeProducer(`list.${name}`))
export const { one: oneConsumer, ...otherConsumers } = map

function pick(name: string): string
function pick(name: number): number
function pick(name: string | number): string | number {
  return name
}
export const picked = defineProducer({ topic: pick('picked'), partitions: pick(1), retentionMs: 1000 })

export const lazy = (() => defineProducer({ topic: 'lazy', partitions: 1, retentionMs: 1000 }))()
export { makeProducer }
