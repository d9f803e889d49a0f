/**
 * A payload.
 */
export interface MessagePayloads {
  windows: {
    id: string
  }
}
