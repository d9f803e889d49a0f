/** The payment itself is wrong: another attempt would fail in the same way. */
export class InvalidPayment extends Error {
  name = 'InvalidPayment'
}

/** The gateway does not answer: later it may. */
export class GatewayDown extends Error {
  name = 'GatewayDown'
}

const downCurrencies = new Set((process.env.DOWN_CURRENCIES ?? '').split(','))

/** Stands for the HTTP call to a payment provider, which charges once per `idempotencyKey`. */
export async function charge({ amount, currency }, { idempotencyKey, signal }) {
  signal.throwIfAborted()
  if (!(amount > 0)) throw new InvalidPayment(`the amount is ${amount}`)
  if (downCurrencies.has(currency)) throw new GatewayDown(`no connection for ${currency}`)
  console.log(`charged payment ${idempotencyKey}: ${amount} ${currency}`)
}
