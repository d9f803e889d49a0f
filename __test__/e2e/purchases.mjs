import assert from 'node:assert/strict'

const ARRIVAL_DEADLINE_MS = 60_000

/** Asks the producing service for a purchase. */
export function postPurchase(producer, body) {
  return fetch(new URL('/purchases', producer.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** The same, and it succeeds: the purchase. */
export async function buy(producer, customerId, productId) {
  const response = await postPurchase(producer, { customerId, productId })
  assert.equal(response.status, 201, producer.log)
  return await response.json()
}

/**
 * Resolves to what `act` resolves to when what it does has led to an enrollment in the consuming service's own
 * collection. `consumer()` is that service, for its log.
 */
export async function untilEnrolled(enrollments, customerId, productId, consumer, act) {
  const stream = enrollments.watch([{ $match: { operationType: 'insert' } }], { maxAwaitTimeMS: 1000 })
  try {
    await stream.tryNext()
    const result = await act()
    const deadline = Date.now() + ARRIVAL_DEADLINE_MS
    while ((await enrollments.countDocuments({ _id: { customerId, productId } })) === 0) {
      assert.ok(Date.now() < deadline, `no enrollment of ${customerId} in ${productId}\n${consumer().log}`)
      await stream.tryNext()
    }
    return result
  } finally {
    await stream.close()
  }
}
