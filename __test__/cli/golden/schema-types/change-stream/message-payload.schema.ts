/* A comment that describes no declaration. */

/**
 * Somebody who buys.
 * @example { id: '1' }
 */
export interface Customer {
  /** Who it is. */
  readonly id: string
  name?: string // not documentation
  tags: readonly string[]
  pair: [x: number, y?: number]
  ['computed']: 1
  method(n: number): void
  (call: string): number
  new (name: string): Customer
  get accessor(): string
}
export interface VipCustomer extends Customer, Pick<Address, 'city'> {
  level: 1 | 2 | 3
}
export type Address = { street: string, city: string }
export type Id<Prefix extends string = 'id'> = `${Prefix}-${number}`
export type Event<T extends object, K extends keyof T = keyof T> = { [P in K]?: T[P] } & { readonly at: Date }
export type Unwrapped<T> = T extends Promise<infer U> ? U : never
export type Tree = { value: string; children: Tree[] }
export interface Message {
  body: string
}
export interface Record {
  own: true
}
export abstract class Shape {
  abstract area(): number
  constructor(public readonly sides: number) {}
}
export declare class Declared {
  private secret: string
  static count: number
}
export * from './brands'
export namespace Billing {
  export interface Invoice {
    total: number
  }
  export type Status = 'open' | 'paid'
  export const currency = 'BRL'
  export namespace Deep {
    export const level = 2
  }
}
export const STATUSES = ['open', 'paid'] as const
export type Status = (typeof STATUSES)[number]
interface NotExported {
  hidden: string
}

export interface MessagePayloads {
  text: string
  generic: Event<Customer>
  union: { kind: 'invoice'; invoice: Billing.Invoice } | { kind: 'status'; status: Status } | NotExported
  message: Message
  unused: Tree
  record: Record
  id: Id
}
