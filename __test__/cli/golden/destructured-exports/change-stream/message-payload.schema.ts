export interface MessagePayloads {
  both: { id: number }
}
