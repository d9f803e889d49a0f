export interface Purchase { schema: true }
export type KIND = 'schema'
export { SHARED } from './shared'
export class Renamed {}
export interface MessagePayloads { purchases: Purchase }
