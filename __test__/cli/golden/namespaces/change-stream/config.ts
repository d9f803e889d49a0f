import { Shop } from './shop'
import Alias = Shop.Topics

export namespace Names {
  export const prefix = 'ns'
  const hidden = 'hidden'
  export function topic(name: string): string {
    return `${prefix}.${name}.${hidden}`
  }
  export namespace Inner {
    export const size: number = 2
  }
  export type Only = string
}
export namespace OnlyTypes {
  export interface A {
    a: string
  }
}

export function make(name: string): string {
  return `${name}.${make.suffix}`
}
export namespace make {
  export const suffix = 'merged'
}
export class Model {
  id: string = 'id'
}
export namespace Model {
  export const table: string = 'models'
}
export enum Level {
  Low = 1,
}
export namespace Level {
  export function parse(text: string): Level {
    return text === 'low' ? Level.Low : Level.Low
  }
}
export interface Model {
  extra?: string
}

export const producer = defineProducer({ topic: Names.topic('a'), partitions: Names.Inner.size, retentionMs: 1000 })
export const consumer = defineConsumer({ topic: Alias.purchases, groupId: make('group'), partitions: [0] })
export const only: Names.Only = 'only'
