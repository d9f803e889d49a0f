export type MessagePayloads = { live: LivePayload }
type LivePayload = { n: number }
