const names = ['a', 'b']
export const producers = names.map((topic) => defineProducer({ topic, partitions: 1, retentionMs: 1000 }))
export const length = names.length
export function topicOf(name: string, { loud } = { loud: false }, ...rest: string[]) {
  return loud ? name.toUpperCase() : [name, ...rest].join('.')
}
export const arrow = (n: number, factor = 2) => n * factor
export const object = {
  names,
  count: names.length,
  fixed: 1,
  method() {
    return this.count
  },
}
export class Settings {
  count = names.length
  static shared = new Settings()
  #secret = 1
  constructor(readonly name = 'settings') {}
  twice() {
    return this.count * 2 + this.#secret
  }
}
export default names.join()
export const annotated: number = names.length
