export declare const declared: string
