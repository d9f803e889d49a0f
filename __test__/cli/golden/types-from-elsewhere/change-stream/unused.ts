export type Unused = string
