import { setTimeout as delay } from 'node:timers/promises'
import { now } from './clock.mjs'

const CUSTOMERS = 60
const TICK_MS = 5
/** Far more than a healthy server leaves open: beyond it the load waits, so that memory stays bounded. */
const MAX_IN_FLIGHT = 20_000

/**
 * Sends `rate` orders per second, evenly, for `seconds` or until `signal` aborts; resolves when the server has answered
 * for every one. Orders of a customer have the customer as key and are numbered from 1.
 */
export async function sendOrders(producer, ledger, { seconds, rate, signal }) {
  const numbers = new Array(CUSTOMERS).fill(0)
  const open = new Set()
  const start = now()
  const total = seconds * rate
  for (let sent = 0; sent < total && !signal.aborted; ) {
    const due = Math.min(Math.floor(((now() - start) * rate) / 1000), total)
    for (; sent < due && ledger.inFlight < MAX_IN_FLIGHT; sent++) {
      const customer = sent % CUSTOMERS
      const sending = sendOrder(producer, ledger, customer, ++numbers[customer])
      open.add(sending)
      sending.then(() => open.delete(sending))
    }
    await delay(TICK_MS)
  }
  await Promise.all(open)
}

async function sendOrder(producer, ledger, customer, number) {
  ledger.noteSent()
  try {
    await producer.send({
      key: `customer-${customer}`,
      value: { customer, number, items: [{ sku: `sku-${number % 100}`, quantity: 1 }], sentAt: now() },
      headers: { eventType: 'order.placed', source: 'demo' },
    })
    ledger.noteAcknowledged()
  } catch (error) {
    ledger.noteFailed(error)
  }
}
