interface Entities {
  a: { a: 1 }
  b: { b: 2 }
}
export type MessagePayloads = { [K in keyof Entities as `${K & string}.created`]: Entities[K] }
