import { setTimeout as delay } from 'node:timers/promises'

/** Numbers per handled order, in the order in which a member reports them. */
export const FIELDS_PER_ORDER = 5

const POLL_MS = 20

/** Counts what was sent and received, and judges at the end whether it was the same. */
export class Ledger {
  #sent = 0
  #acknowledged = 0
  #received = 0
  #failures = []
  #intervalStart = { acknowledged: 0, received: 0 }
  #latencies = []
  #customers = new Map()
  #perPartition = new Map()
  #distinct = 0

  noteSent() {
    this.#sent++
  }

  noteAcknowledged() {
    this.#acknowledged++
  }

  noteFailed(error) {
    this.#failures.push(error)
  }

  /** Takes a member's report: partition, customer, number, time of handling, latency; times in milliseconds. */
  noteReceived(report) {
    for (let at = 0; at < report.length; at += FIELDS_PER_ORDER) {
      const [partition, customer, number, handledAt, latency] = report.subarray(at, at + FIELDS_PER_ORDER)
      this.#noteHandled(customer, number, handledAt)
      this.#perPartition.set(partition, (this.#perPartition.get(partition) ?? 0) + 1)
      this.#latencies.push(latency)
      this.#received++
    }
  }

  #noteHandled(customer, number, handledAt) {
    if (!this.#customers.has(customer)) this.#customers.set(customer, { handled: [], numbers: new Set() })
    const { handled, numbers } = this.#customers.get(customer)
    handled.push({ number, handledAt })
    if (!numbers.has(number)) this.#distinct++
    numbers.add(number)
  }

  /** Orders that were sent, did not fail and have not been received. */
  get inFlight() {
    return this.#sent - this.#failures.length - this.#distinct
  }

  /** What happened since the last call. Rates are totals of that time; percentiles are null when nothing arrived. */
  takeInterval() {
    const latencies = this.#latencies.sort((a, b) => a - b)
    const interval = {
      sent: this.#acknowledged - this.#intervalStart.acknowledged,
      received: this.#received - this.#intervalStart.received,
      inFlight: this.inFlight,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
    }
    this.#intervalStart = { acknowledged: this.#acknowledged, received: this.#received }
    this.#latencies = []
    return interval
  }

  /** Resolves when every order that was sent has been received, or after `deadlineMs`: the review tells which. */
  async untilAllReceived(deadlineMs) {
    const deadline = Date.now() + deadlineMs
    while (this.inFlight > 0 && Date.now() < deadline) await delay(POLL_MS)
  }

  /** @returns {object} counts over the whole run; `perPartition` maps a partition to the orders received from it */
  review() {
    const customers = [...this.#customers.values()]
    return {
      sent: this.#acknowledged,
      received: this.#received,
      failures: this.#failures,
      perPartition: this.#perPartition,
      duplicates: this.#received - this.#distinct,
      orderViolations: customers.reduce((total, { handled }) => total + orderViolations(handled), 0),
    }
  }
}

/** A customer's orders are numbered from 1 and must have been handled in that order; handling one again is no violation. */
function orderViolations(handled) {
  // Reports of different members cross; the clock is one for all processes of a machine.
  const numbers = [...handled].sort((a, b) => a.handledAt - b.handledAt).map(({ number }) => number)
  const seen = new Set()
  let highest = 0
  let violations = 0
  for (const number of numbers) {
    if (number < highest && !seen.has(number)) violations++
    seen.add(number)
    highest = Math.max(highest, number)
  }
  return violations
}

function percentile(sorted, share) {
  if (sorted.length === 0) return null
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)]
}
