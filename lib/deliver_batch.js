'use strict'

const { decode, decodeAround } = require('./bson_codec.js')
const { facadeError } = require('./errors.js')

/** Monotonic milliseconds; loading `perf_hooks` for them would cost each process 0.8 MB. */
function monotonicMs() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

function toRecord(topic, partition, fields) {
  return {
    topic,
    partition,
    message: {
      id: fields.i,
      key: fields.k === null ? undefined : fields.k,
      value: fields.v,
      headers: fields.h,
      timestamp: fields.t,
    },
    offset: fields.o === null ? null : { _data: fields.o },
    timestamp: new Date(),
  }
}

/** The record in `bytes`. One that cannot be decoded fails alone: it comes empty, with the error. */
function decodeRecord(topic, partition, bytes) {
  try {
    return { record: toRecord(topic, partition, decode(bytes)) }
  } catch (cause) {
    const message = `A message of partition ${partition} of "${topic}" cannot be decoded: ${cause.message}`
    const error = facadeError('ERR_CSB_INVALID_MESSAGE', message, { topic, partition, cause })
    return { record: toRecord(topic, partition, { k: null, o: null }), error }
  }
}

/**
 * Runs the handler over the records of one delivery, in order and one at a time, until all are done, one fails, or
 * `delivery.stopping` is set. `progress(handled)` is called at most every `reportEveryMs`.
 * Returns `{ handled, total, failed?: { error, record } }`; `error` is the very object that was thrown.
 */
async function deliverBatch(delivery, payload, { topic, handle, progress }) {
  const { partition, reportEveryMs, records } = decodeAround(payload, 'records')
  const total = records.length
  let lastReport = monotonicMs()
  for (let handled = 0; handled < total; ) {
    if (delivery.stopping) return { handled, total }
    const { record, error } = decodeRecord(topic, partition, records[handled])
    try {
      if (error !== undefined) throw error
      await handle(record)
    } catch (thrown) {
      return { handled, total, failed: { error: thrown, record } }
    }
    handled += 1
    const now = monotonicMs()
    if (handled < total && now - lastReport >= reportEveryMs) {
      lastReport = now
      progress(handled)
    }
  }
  return { handled: total, total }
}

module.exports = { deliverBatch }
