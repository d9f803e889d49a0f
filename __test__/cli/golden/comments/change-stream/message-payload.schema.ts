/* License */
/** What topics carry. */
export interface MessagePayloads {
  /** A purchase, see {@link Purchase}. */
  purchases: Purchase
  // 'purchases.old': never
  /* 'inline': never */
}
/**
 * A purchase.
 *
 * @remarks with `code` and "quotes"
 */
export interface Purchase {
  /** Who. */ id: string
}
// export interface Gone { gone: true }
