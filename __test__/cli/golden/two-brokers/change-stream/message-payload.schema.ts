export interface MessagePayloads {
  events: Created | Deleted
}
export interface Created {
  type: 'created'
  id: string
}
export interface Deleted {
  type: 'deleted'
  id: string
  by?: string | undefined
}
