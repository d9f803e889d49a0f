export interface MessagePayloads {
  first: { n: number }
}
export const MessageType = 'a value'
export enum Kinds {
  A,
}
