// What is sent: payloads as services have them, of a given size.
import { randomBytes } from 'node:crypto'

/** @param {number} bytes about so many when it is stored */
export function payload(number, bytes) {
  const filler = 'x'.repeat(Math.max(0, bytes - 190))
  return {
    customer: { id: `customer-${number % 1000}`, authUserId: 'a3b1c2d4' },
    product: { id: `product-${number % 97}`, title: 'Domain-Driven Design', slug: 'domain-driven-design' },
    n: number,
    filler,
  }
}

export function messages(count, bytes, from = 0) {
  return Array.from({ length: count }, (_, index) => ({
    key: `customer-${(from + index) % 1000}`,
    value: payload(from + index, bytes),
  }))
}

/** A database and a topic that nobody else uses. */
export function freshTopic() {
  return { database: `benchmark_${randomBytes(4).toString('hex')}`, topic: 'benchmark.topic' }
}
