/** An amount in the smallest unit. */
export interface Money {
  amount: bigint
  currency: Currency
}
export type Currency = 'BRL' | 'EUR'
