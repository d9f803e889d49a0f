'use strict'

const { decodeAround } = require('./bson_codec.js')
const { decodeRecord } = require('./decode_record.js')
const { HandlerContext } = require('./handler_context.js')

/** Monotonic milliseconds; loading `perf_hooks` for them would cost each process 0.8 MB. */
function monotonicMs() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/**
 * Runs the handler over the records of one delivery, in order and one at a time, until all are done, one fails, or
 * `delivery.stopping` is set. `progress(handled)` is called at most every `reportEveryMs`. What runs is to be seen in
 * `delivery`: `handled`, `record`, `context`.
 * Returns `{ total, failed?: { error, record } }`; `error` is the very object that was thrown.
 */
async function deliverEach(delivery, payload, { topic, handle, progress }) {
  const { partition, reportEveryMs, records } = decodeAround(payload, 'records')
  const total = records.length
  let lastReport = monotonicMs()
  while (delivery.handled < total) {
    if (delivery.stopping) return { total }
    const { record, attempt, possibleDuplicate, error } = decodeRecord(topic, partition, records[delivery.handled])
    delivery.record = record
    delivery.context = new HandlerContext(attempt, possibleDuplicate)
    try {
      if (error !== undefined) throw error
      await handle(record, delivery.context)
    } catch (thrown) {
      return { total, failed: { error: thrown, record } }
    }
    if (delivery.abandoned) return { total }
    delivery.handled += 1
    const now = monotonicMs()
    if (delivery.handled < total && now - lastReport >= reportEveryMs) {
      lastReport = now
      progress(delivery.handled)
    }
  }
  return { total }
}

module.exports = { deliverEach }
