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
 * Runs the handler over the records of one delivery, in order and one at a time, until all are done, one fails, the
 * delivery is to stop, or the call in hand is given up. `progress()` is called at most every `reportEveryMs`.
 * How far it is and what failed is to be seen in `delivery`. Resolves to the number of records.
 */
async function deliverEach(delivery, payload, { topic, handle, progress }) {
  const { partition, reportEveryMs, records } = decodeAround(payload, 'records')
  const total = records.length
  delivery.partition = partition
  let lastReport = monotonicMs()
  while (delivery.handled < total && !delivery.stopping) {
    const index = delivery.handled
    const { record, attempt, possibleDuplicate, error } = decodeRecord(topic, partition, records[index])
    if (error !== undefined) {
      delivery.failDecided(index, record, error, false)
      return total
    }
    const context = new HandlerContext(attempt, possibleDuplicate)
    const entry = { index, record, attempt, possibleDuplicate }
    delivery.begin(context, [entry])
    try {
      await handle(entry, context)
    } catch (thrown) {
      if (!delivery.abandoned) delivery.failed([entry], thrown)
      return total
    }
    if (delivery.abandoned) return total
    delivery.handled += 1
    const now = monotonicMs()
    if (delivery.handled < total && now - lastReport >= reportEveryMs) {
      lastReport = now
      progress()
    }
  }
  return total
}

module.exports = { deliverEach }
