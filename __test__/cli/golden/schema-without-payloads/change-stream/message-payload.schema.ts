import { Base } from './base'

/** What the only topic carries. */
export interface OnlyPayload extends Base<'only'> {
  id: string
}
