export interface Settings {
  partitions: number
}
export default interface Defaults {
  retentionMs: number
}
export type Name = string
export const name = 'name'
