// The delivery protocol, against a scripted native consumer. Needs no server.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import { BSONSymbol, serialize } from 'bson'
import { ChangeStreamBrokerError } from '../../index.js'
import { assertTypedError } from '../support/assert_error.mjs'
import { Inbox, signal } from '../support/eventually.mjs'
import {
  CONSUMER_ERROR,
  DELIVER,
  DONE,
  ERROR_HANDLED,
  FAILED,
  LEASE_LOST,
  PING,
  STOP,
  STOPPED,
  entry,
  setUp,
  spoilt,
} from '../support/scripted_deliveries.mjs'

describe('a delivery', () => {
  it('runs the handler over the records, one at a time and in order, then reports once', async () => {
    const events = []
    const handler = async ({ message }) => {
      events.push(`${message.value} starts`)
      await new Promise((resolve) => setImmediate(resolve))
      events.push(`${message.value} ends`)
    }
    const { reports, deliver } = setUp({ handler })
    deliver(1, [entry('a'), entry('b')])
    await reports.received(1)
    assert.deepEqual(events, ['a starts', 'a ends', 'b starts', 'b ends'])
    assert.deepEqual(reports.items, [{ id: 1, handled: 2, outcome: DONE, error: undefined }])
  })

  it('deliveries of different partitions run side by side', async () => {
    const [first, second] = [signal(), signal()]
    const handler = async ({ message }) => {
      if (message.value === 'a') await second.fired
      else second.fire()
      first.fire()
    }
    const { reports, deliver } = setUp({ handler })
    deliver(1, [entry('a')])
    deliver(2, [entry('b')])
    await reports.received(2)
    assert.deepEqual(
      reports.items.map((report) => report.id),
      [2, 1],
    )
  })

  it('what is absent: key undefined, offset null', async () => {
    const inbox = new Inbox()
    const { deliver } = setUp({ handler: async (record) => inbox.push(record) })
    deliver(1, [entry('a', { o: null, k: null })])
    const [record] = await inbox.received(1)
    assert.equal(record.message.key, undefined)
    assert.equal(record.offset, null)
    assert.deepEqual([record.topic, record.partition, record.message.id], ['orders', 3, 'id-a'])
  })

  it('reports progress at most every reportEveryMs, and not after the last record', async () => {
    const handler = () => new Promise((resolve) => setTimeout(resolve, 12))
    const often = setUp({ handler }, { reportEveryMs: 5 })
    often.deliver(
      1,
      [1, 2, 3, 4].map((v) => entry(v)),
    )
    await often.reports.first((report) => report.outcome === DONE)
    assert.deepEqual(
      often.reports.items.map((report) => [report.handled, report.outcome]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, DONE],
      ],
    )
    const seldom = setUp({ handler: async () => {} }, { reportEveryMs: 60_000 })
    seldom.deliver(
      1,
      Array.from({ length: 500 }, (_, v) => entry(v)),
    )
    await seldom.reports.received(1)
    assert.deepEqual(
      seldom.reports.items.map((report) => report.outcome),
      [DONE],
    )
  })

  it('STOP: the call in flight finishes, then it reports how many', async () => {
    const started = signal()
    const release = signal()
    const { reports, receive, deliver } = setUp({
      handler: async () => {
        started.fire()
        await release.fired
      },
    })
    deliver(
      1,
      [1, 2, 3].map((v) => entry(v)),
    )
    await started.fired
    receive(STOP, 1, Buffer.alloc(0))
    release.fire()
    await reports.received(1)
    assert.deepEqual(reports.items, [{ id: 1, handled: 1, outcome: STOPPED, error: undefined }])
  })

  it('a pause or an end asked for in a handler takes effect before the next record', async () => {
    for (const ask of ['stopInFlight', 'end']) {
      const values = []
      const { deliveries, reports, deliver } = setUp({
        handler: async ({ message }) => {
          values.push(message.value)
          deliveries[ask]()
        },
      })
      deliver(
        1,
        [1, 2, 3].map((v) => entry(v)),
      )
      await reports.received(1)
      assert.deepEqual(values, [1])
      assert.deepEqual([reports.items[0].handled, reports.items[0].outcome], [1, STOPPED])
      deliver(2, [entry(2)])
      await reports.received(2)
      assert.deepEqual(values, ask === 'end' ? [1] : [1, 2])
      assert.equal(reports.items[1].outcome, ask === 'end' ? STOPPED : DONE)
    }
  })

  it('a ping is answered at once, also while a handler runs', async () => {
    const { reports, receive, deliver, pongs } = setUp({ handler: () => new Promise(() => {}) })
    deliver(1, [entry('a')])
    receive(PING, 77, Buffer.alloc(0))
    assert.deepEqual(pongs, [77])
    assert.equal(reports.length, 0)
  })

  it('a delivery that arrives paused is handed back', async () => {
    const { native, reports, deliver } = setUp({ handler: assert.fail })
    native.isPaused = () => true
    deliver(1, [entry('a')])
    await reports.received(1)
    assert.deepEqual([reports.items[0].handled, reports.items[0].outcome], [0, STOPPED])
  })

  it('STOP of a delivery that has just ended, or never was, does nothing', async () => {
    const { reports, receive, deliver } = setUp({ handler: async () => {} })
    deliver(1, [entry('a')])
    await reports.received(1)
    receive(STOP, 1, Buffer.alloc(0))
    receive(STOP, 99, Buffer.alloc(0))
    assert.equal(reports.length, 1)
  })
})

describe('a failing handler', () => {
  it('the error goes out as text and comes back as the same object, with the same record', async () => {
    const boom = Object.assign(new TypeError('boom'), { extra: 1 })
    const seen = []
    const heard = new Inbox()
    const { reports, deliver, attemptFailed } = setUp({
      handler: (record) => {
        seen.push(record)
        if (record.message.value === 'b') throw boom
      },
      errorHandler: async (...args) => heard.push(args),
    })
    deliver(
      5,
      ['a', 'b', 'c'].map((v) => entry(v)),
    )
    const [failed] = await reports.received(1)
    assert.deepEqual([failed.id, failed.handled, failed.outcome], [5, 1, FAILED])
    assert.deepEqual([failed.error.name, failed.error.message], ['TypeError', 'boom'])
    assert.match(failed.error.stack, /deliveries\.test\.mjs/)
    assert.equal(heard.length, 0, 'before the core has decided')
    attemptFailed(5, 2, true, { index: 1 })
    await reports.received(2)
    assert.deepEqual(reports.items[1], { id: 5, handled: 0, outcome: ERROR_HANDLED, error: undefined })
    const [error, record, attempt] = heard.items[0]
    assert.strictEqual(error, boom)
    assert.strictEqual(record, seen[1])
    assert.deepEqual(attempt, { attempt: 2, willRetry: true })
    assert.equal(seen.length, 2, 'the record behind it must wait')
  })

  it('without errorHandler the attempt is reported all the same', async () => {
    const { reports, deliver, attemptFailed } = setUp({ handler: () => Promise.reject(new Error('x')) })
    deliver(1, [entry('a')])
    await reports.received(1)
    attemptFailed(1, 1, false)
    await reports.received(2)
    assert.equal(reports.items[1].outcome, ERROR_HANDLED)
  })

  for (const thrown of [
    undefined,
    null,
    0,
    '',
    'text',
    { message: 'like an error' },
    Symbol('s'),
    Object.create(null),
  ]) {
    it(`throwing ${typeof thrown} ${thrown === null ? 'null' : ''}: errorHandler gets an error with that cause`, async () => {
      const heard = new Inbox()
      const { reports, deliver, attemptFailed } = setUp({
        handler: async () => {
          throw thrown
        },
        errorHandler: (error) => heard.push(error),
      })
      deliver(1, [entry('a')])
      await reports.received(1)
      attemptFailed(1, 1, false)
      const [error] = await heard.received(1)
      assert.ok(error instanceof ChangeStreamBrokerError)
      assert.deepEqual([error.code, error.kind], ['ERR_CSB_HANDLER_FAILED', 'handler'])
      assert.strictEqual(error.cause, thrown)
    })
  }

  it('an Error of another realm is an Error', async () => {
    const foreign = vm.runInNewContext('new Error("from elsewhere")')
    const heard = new Inbox()
    const { reports, deliver, attemptFailed } = setUp({
      handler: () => Promise.reject(foreign),
      errorHandler: (error) => heard.push(error),
    })
    deliver(1, [entry('a')])
    await reports.received(1)
    attemptFailed(1, 1, false)
    assert.strictEqual((await heard.received(1))[0], foreign)
  })

  it('an error whose fields throw, or are huge, is still reported', async () => {
    const hostile = new Error('x')
    Object.defineProperty(hostile, 'message', {
      get() {
        throw new Error('no')
      },
    })
    for (const error of [hostile, new Error('m'.repeat(40_000_000))]) {
      const { reports, deliver } = setUp({ handler: () => Promise.reject(error) })
      deliver(1, [entry('a')])
      const [report] = await reports.received(1)
      assert.equal(report.outcome, FAILED)
      assert.ok(report.error.message.length < 100_000)
    }
  })

  it('an errorHandler that throws is logged, and the attempt reported', async () => {
    const broken = new Error('broken errorHandler')
    for (const errorHandler of [
      () => {
        throw broken
      },
      () => Promise.reject(broken),
    ]) {
      const { reports, logged, deliver, attemptFailed } = setUp({
        handler: () => Promise.reject(new Error('x')),
        errorHandler,
      })
      deliver(1, [entry('a')])
      await reports.received(1)
      attemptFailed(1, 1, true)
      await reports.received(2)
      assert.equal(reports.items[1].outcome, ERROR_HANDLED)
      assert.strictEqual(logged.items[0].thrown, broken)
    }
  })
})

describe('what cannot be decoded', () => {
  it('a record fails alone', async () => {
    const handled = new Inbox()
    const heard = new Inbox()
    const { reports, receive, attemptFailed } = setUp({
      handler: async (record) => handled.push(record.message.value),
      errorHandler: (error, record) => heard.push({ error, record }),
      retryIf: assert.fail,
    })
    receive(DELIVER, 1, spoilt([entry('a'), entry(new BSONSymbol('SPOILT')), entry('c')]))
    const [report] = await reports.received(1)
    assert.deepEqual([report.handled, report.outcome], [1, FAILED])
    assert.deepEqual([report.error.name, report.error.mayRetry], ['ERR_CSB_INVALID_MESSAGE', false])
    assert.deepEqual(handled.items, ['a'])
    attemptFailed(1, 1, false, { index: 1 })
    const [{ error, record }] = await heard.received(1)
    assert.equal(error.code, 'ERR_CSB_INVALID_MESSAGE')
    assert.ok(error.cause instanceof Error)
    assert.equal(record.message.value, undefined)
  })

  it('a delivery as a whole is reported as failed', async () => {
    const { reports, receive } = setUp({ handler: assert.fail })
    receive(DELIVER, 1, Buffer.from('nonsense'))
    const [report] = await reports.received(1)
    assert.deepEqual([report.handled, report.outcome], [0, FAILED])
  })
})

describe('a partition that is lost', () => {
  it('aborts the signal with a typed error, and no other record follows', async () => {
    const reasons = new Inbox()
    const handler = (_, context) =>
      new Promise((resolve) => {
        context.signal.addEventListener('abort', () => {
          reasons.push(context.signal.reason)
          resolve()
        })
      })
    const { reports, deliver, receive } = setUp({ handler })
    deliver(1, [entry('a'), entry('b')])
    await new Promise((resolve) => setImmediate(resolve))
    receive(LEASE_LOST, 1)
    const [error] = await reasons.received(1)
    assertTypedError(error, 'ERR_CSB_LEASE_LOST')
    assert.deepEqual([error.topic, error.partition], ['orders', 3])
    await reports.received(1)
    assert.deepEqual([reasons.length, reports.items[0].outcome], [1, STOPPED])
  })
})

describe('an error of the consumer itself', () => {
  it('reaches errorHandler without a record and is not reported', async () => {
    const heard = new Inbox()
    const { reports, receive } = setUp({ handler: assert.fail, errorHandler: (...args) => heard.push(args) })
    const fields = {
      code: 'ERR_CSB_LEASE_LOST',
      message: 'taken over',
      kind: 'conflict',
      retryable: false,
      effect: 'none',
    }
    const where = { topic: 'orders', partition: 2, groupId: 'g', causeText: 'why' }
    receive(CONSUMER_ERROR, 4294967295, Buffer.from(serialize({ ...fields, ...where })))
    const [[error, record]] = await heard.received(1)
    assert.equal(record, null)
    assert.ok(error instanceof ChangeStreamBrokerError)
    assert.deepEqual(
      [error.code, error.kind, error.partition, error.groupId],
      ['ERR_CSB_LEASE_LOST', 'conflict', 2, 'g'],
    )
    assert.equal(error.cause.message, 'why')
    assert.equal(reports.length, 0)
  })
})
