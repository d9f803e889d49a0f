import type Defaults from './types'
import type { Brand, Shape as Form } from './types'
export type * from './types'
export type * as types from './types'

declare global {
  interface CsbrokerGolden { golden: true }
}
declare module './types' {
  interface Augmented { added: string }
}
declare const ambient: string
declare function ambientFunction(): void

export const big: bigint = 9007199254740993n
export const separated = 1_000_000
export const pattern: RegExp = /(?<year>\d{4})-\p{L}/u
export const text = 'quotes \' and \u{1F600} and \x41 and \
continued'
const symbol: unique symbol = Symbol('unique')
export { symbol }
export abstract class Counter<const T extends string, in out U = T> implements Iterable<T> {
  static readonly instances = new Map<string, unknown>()
  declare readonly phantom: U
  #items: T[] = []
  get first(): T | undefined { return this.#items[0] }
  set first(value: T | undefined) { if (value !== undefined) this.#items[0] = value }
  protected abstract name(): string
  add(item: T): this
  add(item: T, times: number): this
  add(item: T, times = 1): this { while (times-- > 0) this.#items.push(item); return this }
  *[Symbol.iterator](): Iterator<T> { yield* this.#items }
  static has(value: unknown): value is Counter<string> { return typeof value === 'object' && value !== null && #items in value }
}
class Concrete extends Counter<'a' | 'b'> {
  protected override name(): string { return super.add('a').first ?? 'none' }
  public constructor(private readonly step: number, readonly label?: string) { super() }
  get steps(): number { return this.step }
}
const concrete: Concrete = new Concrete(2).add('a', 2).add('b')
export { concrete }
export const items: string[] = [...concrete]
export const has: boolean = Counter.has(concrete)
export async function* generate(): AsyncGenerator<number, void, undefined> { for await (const n of [Promise.resolve(1)]) yield n }
export function assertIsString(value: unknown): asserts value is string { if (typeof value !== 'string') throw new TypeError() }
export const assertion = <T,>(value: T): T => value!
export const nullish: number = (null as { a?: { b: number } } | null)?.a?.b ?? 3
let assigned: number | undefined
assigned ??= 4
assigned ||= 5
assigned &&= 6
export const logical: number = assigned
export const form: Form<'round'> = { kind: 'round', size: 1 } as const satisfies Form
export const branded = 'b' as string as Brand
export const angle: unknown = <unknown>'angle'
export const fallback: Defaults = { own: true, added: 'by augmentation' }
export type Picked = { [K in keyof Form as `get${Capitalize<K & string>}`]-?: () => Form[K] }
export type Last<T extends readonly unknown[]> = T extends readonly [...infer _, infer L extends string] ? L : never
export type Deep = import('./types').Shape['kind'] | typeof import('./types').VERSION
export type Constructor<T = object> = abstract new (...args: any[]) => T
outer: for (let i = 0; i < 2; i++) { for (;;) { if (i) break outer; continue outer } }
switch (assigned) { case 6: { break } default: throw new Error() }
if (false) ambientFunction()
export const hasAmbient: boolean = typeof ambient === 'string'
export const producer = defineProducer({ topic: 'features', partitions: separated / 1_000_000, retentionMs: 1e3 })
