export enum Kind {
  Order = 'order',
}
export type KindName = keyof typeof Kind
