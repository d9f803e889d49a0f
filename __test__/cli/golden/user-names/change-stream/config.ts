export const producers = { own: true }
export const topics: string[] = ['own']
export const config = 'a variable that the entry uses, too'
export const passOn: number = 1
export const require1 = 2
export const first = defineProducer({ topic: 'first', partitions: 1, retentionMs: 1000 })
export const second = defineConsumer({ topic: 'first', groupId: 'g', partitions: [0] })
const odd = defineProducer({ topic: 'first', partitions: 1, retentionMs: 2000 })
export { odd }
const $ = 'dollar',
  ñandú = 'ñ',
  _csb = 1,
  _csb0 = 2
export { $, ñandú, _csb as 'a-name', _csb0 as class }
export const constructor: string = 'constructor',
  toString: string = 'toString',
  hasOwnProperty: string = 'own'
export const json: number = 1
