// Batch handlers, against a scripted native consumer. Needs no server.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BSONSymbol } from 'bson'
import { Inbox } from '../support/eventually.mjs'
import {
  BATCH_FAILED,
  DELIVER,
  DONE,
  ERROR_HANDLED,
  FAILED,
  entry,
  setUp,
  spoilt,
} from '../support/scripted_deliveries.mjs'

const values = (records) => records.map((record) => record.message.value)
const failures = ({ error }) => error.failures.map(({ index, name }) => [index, name]).sort()
const three = ['a', 'b', 'c'].map((v) => entry(v))

describe('a batch handler', () => {
  it('gets all records at once, with the attempt of each', async () => {
    const calls = []
    const processed = []
    const { reports, deliver } = setUp(
      { batchHandler: async (records, context) => void calls.push({ records, context }) },
      { afterRecord: (record) => processed.push(record.message.value) },
    )
    deliver(1, [entry('a'), entry('b', { a: 3 }), entry('c', { d: true })])
    await reports.received(1)
    assert.deepEqual(reports.items, [{ id: 1, handled: 0, outcome: DONE, error: undefined }])
    const [{ records, context }] = calls
    assert.deepEqual(values(records), ['a', 'b', 'c'])
    assert.deepEqual(
      [context.attempts, context.possibleDuplicates],
      [
        [1, 3, 1],
        [false, false, true],
      ],
    )
    assert.deepEqual([context.attempt, context.possibleDuplicate, context.signal.aborted], [3, true, false])
    assert.deepEqual(processed, ['a', 'b', 'c'])
  })

  it('names the records that failed, by identity or by index', async () => {
    const errors = [new TypeError('b'), new RangeError('c')]
    const [heard, processed] = [new Inbox(), []]
    const { reports, deliver, attemptFailed } = setUp(
      {
        batchHandler: (records) => ({
          failed: [
            { record: 2, error: errors[1] },
            { record: records[1], error: errors[0] },
            { record: records[1], error: new Error('a second one of the same record') },
          ],
        }),
        errorHandler: (...args) => heard.push(args),
      },
      { afterRecord: (record) => processed.push(record.message.value) },
    )
    deliver(1, three)
    const [report] = await reports.received(1)
    assert.equal(report.outcome, BATCH_FAILED)
    assert.deepEqual(failures(report), [
      [1, 'TypeError'],
      [2, 'RangeError'],
    ])
    assert.deepEqual(processed, ['a'])
    attemptFailed(1, 1, true, { index: 1, isLast: false })
    await reports.received(2)
    attemptFailed(1, 1, false, { index: 2, isLast: true })
    await reports.received(3)
    assert.deepEqual(
      reports.items.slice(1).map(({ id, outcome }) => [id, outcome]),
      Array(2).fill([1, ERROR_HANDLED]),
    )
    assert.deepEqual(
      heard.items.map(([error, record, attempt]) => [error, record.message.value, attempt]),
      [
        [errors[0], 'b', { attempt: 1, willRetry: true }],
        [errors[1], 'c', { attempt: 1, willRetry: false }],
      ],
    )
    assert.ok(heard.items.every(([error], index) => error === errors[index]))
  })

  it('may do to its array what it likes: the records are meant as they were given', async () => {
    const { reports, deliver } = setUp({
      batchHandler(records) {
        const last = records.pop()
        records.reverse()
        return { failed: [{ record: last, error: new Error('x') }] }
      },
    })
    deliver(1, three)
    const [report] = await reports.received(1)
    assert.deepEqual(failures(report), [[2, 'Error']])
  })

  it('that throws fails every record, with the very error', async () => {
    const boom = new TypeError('boom')
    const heard = new Inbox()
    const { reports, deliver, attemptFailed } = setUp({
      batchHandler: () => Promise.reject(boom),
      errorHandler: (error, record) => heard.push([error === boom, record.message.value]),
    })
    deliver(1, three)
    const [report] = await reports.received(1)
    assert.deepEqual(failures(report), [
      [0, 'TypeError'],
      [1, 'TypeError'],
      [2, 'TypeError'],
    ])
    for (const index of [0, 1, 2]) attemptFailed(1, 1, true, { index, isLast: index === 2 })
    await heard.received(3)
    assert.deepEqual(heard.items, [
      [true, 'a'],
      [true, 'b'],
      [true, 'c'],
    ])
  })

  for (const outcome of [
    true,
    7,
    'failed',
    [],
    {},
    { failed: null },
    { failed: {} },
    { failed: [null] },
    { failed: ['a'] },
    { failed: [{}] },
    { failed: [{ record: 3 }] },
    { failed: [{ record: -1 }] },
    { failed: [{ record: 0.5 }] },
    { failed: [{ record: { message: { value: 'a' } } }] },
    { failed: [{ record: 0 }, { record: '1' }] },
  ]) {
    it(`whose outcome is ${JSON.stringify(outcome)} has failed: it must not pass for success`, async () => {
      const { reports, deliver } = setUp({ batchHandler: async () => outcome })
      deliver(1, three)
      const [report] = await reports.received(1)
      assert.deepEqual(failures(report), [
        [0, 'ERR_CSB_HANDLER_FAILED'],
        [1, 'ERR_CSB_HANDLER_FAILED'],
        [2, 'ERR_CSB_HANDLER_FAILED'],
      ])
      assert.match(report.error.failures[0].message, /^batchHandler (must return|returned)/)
    })
  }

  for (const outcome of [undefined, null, { failed: [] }]) {
    it(`whose outcome is ${JSON.stringify(outcome)} has handled all`, async () => {
      const { reports, deliver } = setUp({ batchHandler: async () => outcome })
      deliver(1, three)
      await reports.received(1)
      assert.equal(reports.items[0].outcome, DONE)
    })
  }

  it('may give anything as error', async () => {
    const heard = new Inbox()
    const { reports, deliver, attemptFailed } = setUp({
      batchHandler: () => ({ failed: [{ record: 1 }, { record: 2, error: 'text' }] }),
      errorHandler: (error) => heard.push(error),
    })
    deliver(1, three)
    await reports.received(1)
    attemptFailed(1, 1, true, { index: 1, isLast: false })
    attemptFailed(1, 1, true, { index: 2 })
    await heard.received(2)
    assert.deepEqual(
      heard.items.map(({ code, cause }) => [code, cause]),
      [
        ['ERR_CSB_HANDLER_FAILED', undefined],
        ['ERR_CSB_HANDLER_FAILED', 'text'],
      ],
    )
  })

  it('does not get a record that cannot be decoded, which fails alone', async () => {
    const batches = []
    const { reports, receive } = setUp({
      batchHandler: (records) => {
        batches.push(values(records))
        return { failed: [{ record: 1, error: new Error('c') }] }
      },
    })
    receive(DELIVER, 1, spoilt([entry('a'), entry(new BSONSymbol('SPOILT')), entry('c'), entry('d')]))
    const [report] = await reports.received(1)
    assert.deepEqual(batches, [['a', 'c', 'd']])
    assert.deepEqual(failures(report), [
      [1, 'ERR_CSB_INVALID_MESSAGE'],
      [2, 'Error'],
    ])
  })

  it('is not called when no record can be decoded', async () => {
    const { reports, receive } = setUp({ batchHandler: assert.fail })
    receive(DELIVER, 1, spoilt([entry(new BSONSymbol('SPOILT'))]))
    const [report] = await reports.received(1)
    assert.deepEqual(failures(report), [[0, 'ERR_CSB_INVALID_MESSAGE']])
  })

  it('a delivery that cannot be read at all has not handled anything', async () => {
    const { reports, receive } = setUp({ batchHandler: assert.fail })
    receive(DELIVER, 1, Buffer.from('nonsense'))
    const [report] = await reports.received(1)
    assert.deepEqual([report.handled, report.outcome, report.error.name], [0, FAILED, 'ERR_CSB_INTERNAL'])
  })

  it('ten thousand failures with long texts fit into one report', async () => {
    const error = new Error('m'.repeat(20_000))
    error.stack = '\u20ac'.repeat(20_000)
    const { reports, deliver } = setUp({ batchHandler: () => Promise.reject(error) })
    deliver(
      1,
      Array.from({ length: 10_000 }, (_, v) => entry(v)),
    )
    const [report] = await reports.received(1)
    assert.equal(report.error.failures.length, 10_000)
    assert.ok(report.error.failures.every(({ message }) => message.startsWith('mmm')))
  })
})
