// @ts-expect-error: nobody needs the value, so nobody looks for it
import { missing } from './nowhere'
export type Note = string
export const note: string = missing
