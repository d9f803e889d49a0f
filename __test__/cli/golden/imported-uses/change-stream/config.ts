import Base, { call, count, key, type Only, record, tag } from './source'
import * as source from './source'
import { default as Again, call as renamed } from './source'
import defaultName from './default-of-imported'
import './side-effect'

export class Derived extends Base {
  [key]: string = 'computed'
  count: number = count
  call(): string {
    return call('method')
  }
  static made: Base = new Base('static')
}
export const made: string = new Derived().name
export const again: string = new Again('again').name
export const qualified: string = new source.Named().name
export const called: string[] = [call('a'), renamed('b'), source.call('c'), call?.('d'), call.call('this', 'e')]
export const tagged: string = tag`x${count}y`
export const object: Record<string, unknown> = { count, [key]: key, call: call('o'), key: 'own', record: { ...record } }
export const { [key]: taken, other = count, ...others } = { computed: 'taken', more: call('more') } as Record<string, any>
export const kinds: string[] = [typeof count, typeof call, typeof source, `${count in { 1: 1 }}`, String(void count)]
export const shadows: number[] = [
  ((count: number) => count)(10),
  (() => {
    const count = 20
    return count
  })(),
  (() => {
    try {
      throw 30
    } catch (count) {
      return count as number
    }
  })(),
  [40].map(function count(key) {
    return key
  })[0],
]
export const defaults: number = (({ a = count, b: { c = count } = {} as any } = {} as any) => a + c)()
count: for (const _ of [1]) continue count
record.changed = count
delete record.removed
export { source, count as counted, defaultName, Base as default }
export const only: Only = { only: true }
export { default as NamedAgain } from './source'
export const lazily: () => string = () => call('lazily')
export function later(value: string = call('later')): string {
  return value
}
export const conditional: string = count > 0 ? call('yes') : call('no')
export const nested: unknown = { a: [{ b: () => ({ count }) }.b()] }
