import { counter, increase, nameOfConfig } from './counter'
import { late } from './late'

export let own = 'before'
export const serviceName = 'live'
increase()
increase()
export const counted: number = counter
export const nameSeenFromThere: string = nameOfConfig()
export const producer = defineProducer({ topic: 'live', partitions: counter, retentionMs: 1000 })
export { counter, late }
export let loaded = 0
export async function change(): Promise<void> {
  own = 'after'
  increase()
  loaded = (await import('./late.js')).late.now
}
// Shorthand, templates, calls as methods and nested scopes of the same names.
export const shapes = { counter, tag: String.raw`${counter}`, call: increase(), optional: increase?.() }
export const inner: number = ((counter: number) => counter * 10)(5)
export const typeName: string = typeof counter
