import { Payloads } from './payloads'
import { Kind } from './kinds'
import type { Refund } from '../src/refund'

export { Payloads as MessagePayloads }
export { Order, OrderLine as Line, KIND } from './payloads'
export type { Refund }
export * from './kinds'
export { Kind as KindAgain }
