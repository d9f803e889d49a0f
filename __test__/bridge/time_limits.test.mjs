// Calls that take too long, and the user's say in retries, against a scripted native consumer. Needs no server.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChangeStreamBrokerError } from '../../index.js'
import { Inbox, signal } from '../support/eventually.mjs'
import {
  BATCH_FAILED,
  DELIVER,
  DONE,
  ERROR_HANDLED,
  FAILED,
  PROGRESS,
  STOPPED,
  entry,
  setUp,
  spoilt,
} from '../support/scripted_deliveries.mjs'
import { BSONSymbol } from 'bson'

const forever = () => new Promise(() => {})
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A handler whose call for `value` ends as the test says. */
function held(value) {
  const [started, release] = [signal(), signal()]
  const contexts = []
  const values = []
  const handler = async ({ message }, context) => {
    values.push(message.value)
    contexts.push(context)
    if (message.value !== value) return
    started.fire()
    const error = await release.fired
    if (error) throw error
  }
  return { handler, contexts, values, started: started.fired, release: release.fire }
}

describe('a call that has used up its time', () => {
  it('has its signal aborted, with the time-out as reason', async () => {
    const { handler, contexts, started, release } = held('b')
    const { reports, deliver, timeOut } = setUp({ handler, handlerTimeoutMs: 50 })
    deliver(1, [entry('a'), entry('b')])
    await started
    const { signal: aborted } = contexts[1]
    assert.equal(aborted.aborted, false)
    timeOut(1)
    assert.equal(aborted.aborted, true)
    const { reason } = aborted
    assert.ok(reason instanceof ChangeStreamBrokerError)
    assert.deepEqual(
      [reason.code, reason.kind, reason.effect, reason.retryable, reason.topic, reason.partition],
      ['ERR_CSB_HANDLER_TIMEOUT', 'handler', 'possible', false, 'orders', 3],
    )
    assert.match(reason.message, /handlerTimeoutMs, 50 ms/)
    assert.equal(contexts[0].signal.aborted, false, 'the one before has ended')
    timeOut(1)
    assert.equal(aborted.reason, reason)
    release()
    await reports.received(1)
    assert.deepEqual(reports.items, [{ id: 1, handled: 2, outcome: DONE, error: undefined }])
  })

  it('finds its signal aborted if it looks only then', async () => {
    const { handler, contexts, started } = held('a')
    const { deliver, timeOut } = setUp({ handler })
    deliver(1, [entry('a')])
    await started
    timeOut(1)
    assert.equal(contexts[0].signal.aborted, true)
    assert.equal(contexts[0].signal.reason.code, 'ERR_CSB_HANDLER_TIMEOUT')
  })

  it('and has ended meanwhile, as the core has been told: the next one does not suffer for it', async () => {
    const { handler, contexts, started, release } = held('b')
    const blocking = async (record, context) => {
      await handler(record, context)
      const end = performance.now() + 2
      while (performance.now() < end);
    }
    const { reports, deliver, timeOut, abandon } = setUp({ handler: blocking }, { reportEveryMs: 1 })
    deliver(
      1,
      ['a', 'b', 'c'].map((v) => entry(v)),
    )
    await started
    assert.deepEqual([reports.items[0].handled, reports.items[0].outcome], [1, PROGRESS])
    timeOut(1, 0)
    abandon(1, 0)
    await turn()
    assert.equal(contexts[1].signal.aborted, false)
    assert.equal(reports.length, 1)
    timeOut(1, 1)
    assert.equal(contexts[1].signal.aborted, true)
    release()
    await reports.first(({ outcome }) => outcome === DONE)
    assert.equal(contexts[2].signal.aborted, false)
  })

  it('that has ended, or never was, is left alone', async () => {
    const { handler, contexts } = held()
    const { reports, deliver, timeOut, abandon } = setUp({ handler })
    deliver(1, [entry('a')])
    await reports.received(1)
    for (const id of [1, 99]) {
      timeOut(id)
      abandon(id)
    }
    await turn()
    assert.equal(contexts[0].signal.aborted, false)
    assert.equal(reports.length, 1)
  })
})

describe('a call that is given up', () => {
  it('has failed at once, after exactly what is handled, and nothing more begins', async () => {
    const { handler, values, started, release } = held('c')
    const heard = new Inbox()
    const { reports, deliver, timeOut, abandon, attemptFailed } = setUp({
      handler,
      errorHandler: (...args) => heard.push(args),
    })
    deliver(
      1,
      ['a', 'b', 'c', 'd'].map((v) => entry(v)),
    )
    await started
    timeOut(1)
    abandon(1)
    const [report] = await reports.received(1)
    assert.deepEqual([report.handled, report.outcome], [2, FAILED])
    assert.deepEqual([report.error.name, report.error.mayRetry], ['ERR_CSB_HANDLER_TIMEOUT', true])
    attemptFailed(1, 1, true, { index: 2 })
    const [[error, record, attempt]] = await heard.received(1)
    assert.deepEqual([error.code, record.message.value, attempt.attempt], ['ERR_CSB_HANDLER_TIMEOUT', 'c', 1])
    await reports.first(({ outcome }) => outcome === ERROR_HANDLED)
    release()
    await turn()
    assert.deepEqual(values, ['a', 'b', 'c'])
    assert.equal(reports.length, 2)
  })

  for (const [what, late] of [
    ['fulfilled', undefined],
    ['rejected', new Error('late')],
  ]) {
    it(`is not heard when it is ${what} before the user has been told`, async () => {
      const { handler, started, release } = held('a')
      const processed = []
      const unhandled = []
      const listen = (reason) => unhandled.push(reason)
      process.on('unhandledRejection', listen)
      const { reports, deliver, abandon } = setUp({ handler }, { afterRecord: (record) => processed.push(record) })
      deliver(1, [entry('a'), entry('b')])
      await started
      abandon(1)
      release(late)
      await reports.received(1)
      await turn()
      process.off('unhandledRejection', listen)
      assert.deepEqual(
        reports.items.map(({ handled, outcome }) => [handled, outcome]),
        [[0, FAILED]],
      )
      assert.deepEqual([processed, unhandled], [[], []])
    })
  }

  it('of a batch has failed whole, each record with an error of its own state', async () => {
    const heard = new Inbox()
    const { reports, receive, abandon, attemptFailed } = setUp({
      batchHandler: forever,
      errorHandler: (error, record, attempt) => heard.push([error.code, record.message.value, attempt]),
    })
    receive(DELIVER, 1, spoilt([entry('a'), entry(new BSONSymbol('SPOILT')), entry('c')]))
    await turn()
    abandon(1)
    const [report] = await reports.received(1)
    assert.deepEqual([report.handled, report.outcome], [0, BATCH_FAILED])
    assert.deepEqual(report.error.failures.map(({ index, name, mayRetry }) => [index, name, mayRetry]).sort(), [
      [0, 'ERR_CSB_HANDLER_TIMEOUT', true],
      [1, 'ERR_CSB_INVALID_MESSAGE', false],
      [2, 'ERR_CSB_HANDLER_TIMEOUT', true],
    ])
    attemptFailed(1, 1, true, { index: 2, isLast: true })
    await heard.received(1)
    assert.deepEqual(heard.items, [['ERR_CSB_HANDLER_TIMEOUT', 'c', { attempt: 1, willRetry: true }]])
  })

  it('does not keep a stop from being heard', async () => {
    const { handler, started } = held('a')
    const { deliveries, reports, deliver, abandon } = setUp({ handler })
    deliver(1, [entry('a')])
    await started
    deliveries.end()
    abandon(1)
    await reports.received(1)
    assert.deepEqual([reports.items[0].handled, reports.items[0].outcome], [0, FAILED])
  })
})

describe('retryIf', () => {
  const failing = () => {
    throw new TypeError('no')
  }

  for (const [answer, mayRetry] of [
    [false, false],
    [Promise.resolve(false), false],
    [true, true],
    [undefined, true],
    [0, true],
  ]) {
    it(`answers ${answer instanceof Promise ? 'a promise' : answer}`, async () => {
      const asked = []
      const { reports, deliver } = setUp({
        handler: failing,
        retryIf: (...args) => {
          asked.push(args)
          return answer
        },
      })
      deliver(1, [entry('a', { a: 4 })])
      const [report] = await reports.received(1)
      assert.equal(report.error.mayRetry, mayRetry)
      const [[error, record, attempt]] = asked
      assert.deepEqual([error.name, record.message.value, attempt], ['TypeError', 'a', { attempt: 4 }])
    })
  }

  it('gets what is no Error as errorHandler gets it', async () => {
    const [asked, heard] = [[], new Inbox()]
    const { deliver, reports, attemptFailed } = setUp({
      handler: () => Promise.reject('text'),
      retryIf: (error) => asked.push(error),
      errorHandler: (error) => heard.push(error),
    })
    deliver(1, [entry('a')])
    await reports.received(1)
    attemptFailed(1, 1, true)
    await heard.received(1)
    assert.equal(asked[0].cause, 'text')
    assert.strictEqual(heard.items[0], asked[0])
  })

  it('that does not answer is not waited for longer than the call may take', async () => {
    const { reports, logged, deliver, timeOut, abandon } = setUp({ handler: failing, retryIf: forever })
    deliver(1, [entry('a')])
    await turn()
    timeOut(1)
    abandon(1)
    const [report] = await reports.received(1)
    assert.deepEqual([report.outcome, report.error.name, report.error.mayRetry], [FAILED, 'TypeError', true])
    assert.match(logged.items[0].message, /retryIf/)
  })

  it('is asked about a call that was given up, and has the last word', async () => {
    const { handler, started } = held('a')
    const { reports, deliver, abandon } = setUp({
      handler,
      retryIf: async (error) => error.code !== 'ERR_CSB_HANDLER_TIMEOUT',
    })
    deliver(1, [entry('a')])
    await started
    abandon(1)
    const [report] = await reports.received(1)
    assert.deepEqual([report.error.name, report.error.mayRetry], ['ERR_CSB_HANDLER_TIMEOUT', false])
  })

  it('that does not answer about a call that was given up is not waited for either', async () => {
    const { handler, started } = held('a')
    const { reports, deliver, abandon } = setUp({ handler, retryIf: forever })
    deliver(1, [entry('a')])
    await started
    abandon(1)
    await turn()
    abandon(1)
    const [report] = await reports.received(1)
    assert.deepEqual([report.error.name, report.error.mayRetry], ['ERR_CSB_HANDLER_TIMEOUT', true])
  })

  it('of a batch is asked once for each record that failed, with its own attempt', async () => {
    const asked = []
    const { reports, deliver } = setUp({
      batchHandler: (records) => ({
        failed: [
          { record: records[2], error: new RangeError('c') },
          { record: 0, error: new TypeError('a') },
        ],
      }),
      retryIf: ({ name }, { message }, { attempt }) => {
        asked.push([name, message.value, attempt])
        return message.value === 'a'
      },
    })
    deliver(1, [entry('a'), entry('b'), entry('c', { a: 3 })])
    const [report] = await reports.received(1)
    assert.deepEqual(asked.sort(), [
      ['RangeError', 'c', 3],
      ['TypeError', 'a', 1],
    ])
    const failures = report.error.failures.map(({ index, mayRetry }) => [index, mayRetry]).sort()
    assert.deepEqual(failures, [
      [0, true],
      [2, false],
    ])
  })
})

describe('the end of a subscription', () => {
  it('keeps a batch that has not begun from beginning', async () => {
    const { deliveries, reports, deliver } = setUp({ batchHandler: assert.fail })
    deliveries.end()
    deliver(1, [entry('a'), entry('b')])
    await reports.received(1)
    assert.deepEqual([reports.items[0].handled, reports.items[0].outcome], [0, STOPPED])
  })
})
