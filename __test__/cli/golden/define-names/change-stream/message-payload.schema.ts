export interface A {
  a: string
}
export type MessagePayloads = { a: A } & { b: { b: string } }
