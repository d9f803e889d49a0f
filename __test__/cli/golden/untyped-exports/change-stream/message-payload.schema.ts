export interface MessagePayloads {
  [topic: string]: unknown
}
