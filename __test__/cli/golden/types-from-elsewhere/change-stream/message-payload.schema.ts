import type { Note } from './notes'
import type { Unused } from './unused'
export interface Purchase {
  id: string
  note: Note
}
export const KIND = 'purchase'
export interface MessagePayloads {
  purchase: Purchase
}
const local: Unused | undefined = undefined
void local
