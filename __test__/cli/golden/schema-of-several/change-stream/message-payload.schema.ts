export interface First {
  first: string
}
export interface Second {
  second: string
}
