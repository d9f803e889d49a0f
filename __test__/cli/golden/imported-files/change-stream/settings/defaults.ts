import { hours } from '../../src/shared/hours'

export interface Settings {
  partitions: number
  retentionMs: number
}
export const DAY = hours(24)
const defaults: Settings = { partitions: 2, retentionMs: DAY }
export default defaults
