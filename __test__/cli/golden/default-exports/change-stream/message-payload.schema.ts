export default interface Fallback {
  id: string
}
export interface MessagePayloads {
  'topic.renamed': Fallback
}
