export declare const brand: unique symbol
export type Branded = string & { [brand]: true }
