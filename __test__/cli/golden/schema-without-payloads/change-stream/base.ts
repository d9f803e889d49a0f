export type Base<T> = { type: T }
