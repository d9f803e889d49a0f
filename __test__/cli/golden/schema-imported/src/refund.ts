export interface Refund {
  reason: string
}
