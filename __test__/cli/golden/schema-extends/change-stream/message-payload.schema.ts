import { BasePayloads } from './base'

export interface MessagePayloads extends BasePayloads {
  own: { own: true }
}
// Declared twice, so both hold.
export interface MessagePayloads {
  merged: { merged: true }
}
export type MessageType = 'own' | 'inherited'
