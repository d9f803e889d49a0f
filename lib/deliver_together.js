'use strict'

const { decodeAround } = require('./bson_codec.js')
const { decodeRecord } = require('./decode_record.js')
const { facadeError } = require('./errors.js')
const { BatchContext } = require('./handler_context.js')

/** Decodes the records. Those that cannot be decoded fail at once; the others are the batch. */
function readBatch(delivery, payload, topic) {
  const { partition, records } = decodeAround(payload, 'records')
  delivery.partition = partition
  const batch = []
  records.forEach((bytes, index) => {
    const { record, attempt, possibleDuplicate, error } = decodeRecord(topic, partition, bytes)
    if (error === undefined) batch.push({ index, record, attempt, possibleDuplicate })
    else delivery.failDecided(index, record, error, false)
  })
  return batch
}

/**
 * Runs `handle` over the entries of one delivery, `{ index, record, attempt, possibleDuplicate }`; it returns which of
 * them failed, with their errors. What failed is to be seen in `delivery`; every other record
 * is handled, and returned.
 */
async function deliverTogether(delivery, payload, { topic, handle }) {
  const batch = readBatch(delivery, payload, topic)
  if (batch.length === 0) return []
  const context = new BatchContext(batch)
  delivery.begin(context, batch)
  let failed
  try {
    failed = await handle(batch, context)
  } catch (thrown) {
    if (!delivery.abandoned) delivery.failed(batch, thrown)
    return []
  }
  if (delivery.abandoned) return []
  for (const [entry, error] of failed) delivery.failed([entry], error)
  return batch.filter((entry) => !failed.has(entry)).map(({ record }) => record)
}

/** Calls the user's function with the records of these entries. Returns which of them failed, with their errors. */
async function callBatchHandler(batchHandler, batch) {
  // An array of its own: what the user does to it must not change which record is meant.
  const records = batch.map(({ record }) => record)
  return readOutcome(await batchHandler(records), batch)
}

/**
 * What the batch handler says of its records: the errors by entry of the batch. Anything that cannot be understood must
 * not pass for success.
 */
function readOutcome(outcome, batch) {
  const failed = new Map()
  if (outcome === undefined || outcome === null) return failed
  if (!Array.isArray(outcome.failed)) {
    throw facadeError(
      'ERR_CSB_HANDLER_FAILED',
      'batchHandler must return nothing, or { failed: [{ record, error }] } with the records that failed',
    )
  }
  const positions = new Map(batch.map(({ record }, position) => [record, position]))
  for (const entry of outcome.failed) {
    const position = typeof entry?.record === 'number' ? entry.record : positions.get(entry?.record)
    if (!Number.isInteger(position) || position < 0 || position >= batch.length) {
      throw facadeError(
        'ERR_CSB_HANDLER_FAILED',
        'batchHandler returned a failed entry whose record is none of the batch: give the record itself or its index',
      )
    }
    if (!failed.has(batch[position])) failed.set(batch[position], entry.error)
  }
  return failed
}

module.exports = { callBatchHandler, deliverTogether }
