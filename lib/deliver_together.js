'use strict'

const { decodeAround } = require('./bson_codec.js')
const { decodeRecord } = require('./decode_record.js')
const { facadeError } = require('./errors.js')
const { BatchContext } = require('./handler_context.js')

/**
 * Runs the batch handler over the records of one delivery. What runs is to be seen in `delivery.context`.
 * Returns the failures by index: `Map<number, { error, record }>`; every other record is handled.
 */
async function deliverTogether(delivery, payload, { topic, handle }) {
  const { partition, records } = decodeAround(payload, 'records')
  const decoded = records.map((bytes) => decodeRecord(topic, partition, bytes))
  const failures = new Map()
  const given = []
  decoded.forEach(({ record, error }, index) => {
    if (error === undefined) given.push(index)
    else failures.set(index, { error, record })
  })
  if (given.length === 0) return failures
  const batch = given.map((index) => decoded[index].record)
  delivery.records = decoded.map(({ record }) => record)
  delivery.context = new BatchContext(
    given.map((index) => decoded[index].attempt),
    given.map((index) => decoded[index].possibleDuplicate),
  )
  try {
    for (const { index, error } of failed(await handle(batch, delivery.context), batch)) {
      failures.set(given[index], { error, record: batch[index] })
    }
  } catch (error) {
    for (const index of given) failures.set(index, { error, record: decoded[index].record })
  }
  return failures
}

/** What the batch handler says of its records. Anything that cannot be understood must not pass for success. */
function failed(outcome, batch) {
  if (outcome === undefined || outcome === null) return []
  if (!Array.isArray(outcome.failed)) {
    throw facadeError(
      'ERR_CSB_HANDLER_FAILED',
      'batchHandler must return nothing, or { failed: [{ record, error }] } with the records that failed',
    )
  }
  return outcome.failed.map((entry) => {
    const index = typeof entry?.record === 'number' ? entry.record : batch.indexOf(entry?.record)
    if (!Number.isInteger(index) || index < 0 || index >= batch.length) {
      throw facadeError(
        'ERR_CSB_HANDLER_FAILED',
        'batchHandler returned a failed entry whose record is none of the batch: give the record itself or its index',
      )
    }
    return { index, error: entry.error }
  })
}

module.exports = { deliverTogether }
