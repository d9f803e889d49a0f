export interface Event<T = unknown> {
  id: string
  data: T
}
export interface MessagePayloads {
  created: Event<{ name: string }>
  deleted: Event
  curried: Event<1>
  'list.one': Event<'one'>
  'list.two': Event<'two'>
  picked: Event
  lazy: Event
}
