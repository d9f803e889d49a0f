export interface MessagePayloads {
  'json.topic': { n: number }
}
