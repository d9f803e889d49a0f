export interface Augmented { own: boolean }
export default interface Defaults extends Augmented {}
export interface Shape<K extends string = string> { kind: K; size?: number }
export type Brand = string & { readonly __brand: 'brand' }
export const VERSION = 1
