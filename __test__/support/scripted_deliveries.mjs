// The facade's side of the delivery protocol, against a scripted native consumer.
import { createRequire } from 'node:module'
import { deserialize, serialize } from 'bson'
import { Inbox } from './eventually.mjs'

const { Deliveries } = createRequire(import.meta.url)('../../lib/deliveries.js')

export const DELIVER = 0
export const STOP = 1
export const ATTEMPT_FAILED = 2
export const CONSUMER_ERROR = 3
export const TIME_OUT = 4
export const ABANDON = 5
export const PING = 6
export const LEASE_LOST = 7

export const PROGRESS = 0
export const DONE = 1
export const STOPPED = 2
export const FAILED = 3
export const ERROR_HANDLED = 4
export const BATCH_FAILED = 5

/** A record as it crosses. */
export const entry = (v, more) => ({ o: '8265', i: `id-${v}`, k: 'key', h: {}, t: new Date(7), v, ...more })

/** A delivery in which the record with the value `new BSONSymbol('SPOILT')` cannot be decoded. */
export function spoilt(records) {
  const bytes = Buffer.from(serialize({ partition: 3, reportEveryMs: 60_000, records }))
  bytes[bytes.indexOf('SPOILT') - 7] = 0x7e // the type byte of `v`: no such BSON type
  return bytes
}

export function setUp(handlers, { reportEveryMs = 60_000, ...more } = {}) {
  const reports = new Inbox()
  const logged = new Inbox()
  const pongs = []
  const native = {
    isPaused: () => false,
    pong: (id) => pongs.push(id),
    report(id, handled, outcome, error) {
      reports.push({ id, handled, outcome, error: error && deserialize(error) })
    },
  }
  const log = { error: (message, thrown) => logged.push({ message, thrown }) }
  const deliveries = new Deliveries({ native, broker: {}, topic: 'orders', handlers, log, ...more })
  const { receive } = deliveries
  const deliver = (id, records) =>
    receive(DELIVER, id, Buffer.from(serialize({ partition: 3, reportEveryMs, records })))
  const attemptFailed = (id, attempt, willRetry, { index = 0, isLast = true } = {}) =>
    receive(ATTEMPT_FAILED, id, Buffer.from(serialize({ index, attempt, willRetry, isLast })))
  const timeOut = (id, handled = 0) => receive(TIME_OUT, id, Buffer.from(serialize({ handled })))
  const abandon = (id, handled = 0) => receive(ABANDON, id, Buffer.from(serialize({ handled })))
  return { native, deliveries, reports, logged, pongs, receive, deliver, attemptFailed, timeOut, abandon }
}
