export declare const value: string
export type Known = 'typed'
