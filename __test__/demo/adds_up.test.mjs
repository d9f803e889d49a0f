// The demo's own judgement: it must notice what it promises to notice.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ledger } from '../../demo/ledger.mjs'
import { judge, printSummary } from '../../demo/summary.mjs'

const [FIRST_CUSTOMER, SECOND_CUSTOMER] = [0, 1]

/** A ledger after `sent` orders; each of `handled` is [partition, customer, number, handledAt, latency]. */
function ledgerOf(sent, ...handled) {
  const ledger = new Ledger()
  for (let order = 0; order < sent; order++) {
    ledger.noteSent()
    ledger.noteAcknowledged()
  }
  for (const order of handled) ledger.noteReceived(Float64Array.from(order))
  return ledger
}

/** Names of the summary's lines that are wrong. */
function wrongLines(
  ledger,
  {
    stored = new Map([
      [0, 2],
      [1, 1],
    ]),
    behind = [],
  } = {},
) {
  return judge(ledger.review(), { stored, behind }, [0, 1])
    .lines.filter(({ isRight }) => !isRight)
    .map(({ name }) => name)
}

const first = [0, FIRST_CUSTOMER, 1, 10.5, 2]
const second = [0, FIRST_CUSTOMER, 2, 11.5, 3]
const other = [1, SECOND_CUSTOMER, 1, 11, 4]

describe("the demo's summary", () => {
  it('is right when everything arrived once and in order', () => {
    const ledger = ledgerOf(3, first, second, other)
    assert.equal(ledger.inFlight, 0)
    assert.deepEqual(wrongLines(ledger), [])
  })

  it('goes by the time of handling when reports of two members cross', () => {
    assert.deepEqual(wrongLines(ledgerOf(3, second, other, first)), [])
  })

  it('notices a lost order', () => {
    const ledger = ledgerOf(3, first, other)
    assert.equal(ledger.inFlight, 1)
    assert.deepEqual(wrongLines(ledger), ['received', 'per partition'])
  })

  it('notices a loss also when a duplicate makes up the number', () => {
    const ledger = ledgerOf(3, first, other, [0, FIRST_CUSTOMER, 1, 12, 2])
    assert.equal(ledger.inFlight, 1)
    assert.deepEqual(wrongLines(ledger), ['duplicates'])
  })

  it('notices an order that was handled before its predecessor', () => {
    assert.deepEqual(wrongLines(ledgerOf(3, [0, FIRST_CUSTOMER, 2, 9, 1], first, other)), ['order violations'])
  })

  it('notices an order that the server does not have', () => {
    assert.deepEqual(
      wrongLines(ledgerOf(3, first, second, other), {
        stored: new Map([
          [0, 1],
          [1, 1],
        ]),
      }),
      ['stored', 'per partition'],
    )
  })

  it('notices an offset that is behind', () => {
    assert.deepEqual(wrongLines(ledgerOf(3, first, second, other), { behind: [1] }), ['offsets committed'])
  })

  it('notices a failed send, and a run without any', () => {
    const ledger = ledgerOf(3, first, second, other)
    ledger.noteSent()
    ledger.noteFailed(new Error('no server'))
    assert.deepEqual(wrongLines(ledger), ['sent', 'failed sends'])
    assert.deepEqual(
      wrongLines(ledgerOf(0), {
        stored: new Map([
          [0, 0],
          [1, 0],
        ]),
      }),
      ['sent'],
    )
  })

  it('says which line is wrong', () => {
    const printed = []
    const judgement = judge(
      ledgerOf(3, first, other).review(),
      {
        stored: new Map([
          [0, 2],
          [1, 1],
        ]),
        behind: [],
      },
      [0, 1],
    )
    assert.equal(
      printSummary(judgement, (line) => printed.push(line)),
      false,
    )
    assert.ok(printed.includes('  ✗ received           2'), printed.join('\n'))
    assert.ok(printed.includes('  ✓ stored             3'), printed.join('\n'))
  })
})

describe("the demo's progress", () => {
  it('counts per interval, with percentiles of the latencies', () => {
    const ledger = ledgerOf(3, first, second, other)
    assert.deepEqual(ledger.takeInterval(), { sent: 3, received: 3, inFlight: 0, p50: 3, p99: 4 })
    assert.deepEqual(ledger.takeInterval(), { sent: 0, received: 0, inFlight: 0, p50: null, p99: null })
  })
})
