import { SHARED } from './shared'

export interface Purchase { config: true }
export const KIND = 'config'
export { SHARED }
export * from './one'
export * from './two'
const hidden = 1
export { hidden as Renamed }
