// How sends cross to the addon: together, in order, each with its own outcome. Against a scripted native producer.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { deserialize } from 'bson'

const { Outbox } = createRequire(import.meta.url)('../../lib/outbox.js')

function documentsOf(part) {
  const documents = []
  for (let at = 0; at < part.length; at += part.readInt32LE(at)) {
    documents.push(deserialize(part.subarray(at, at + part.readInt32LE(at))))
  }
  return documents
}

/** A native producer that keeps what crosses and settles when it is told to. */
class ScriptedProducer {
  calls = []
  #settle = []

  /** @param {Array<{ sends: number[] | null }>} groups of each call */
  constructor(groups = [{ sends: null }]) {
    this.groups = groups
  }

  send(parts) {
    const documents = parts.flatMap(documentsOf)
    this.calls.push(documents.map(({ c, m }) => ({ values: m.map(({ v }) => v), ...(c && { continues: true }) })))
    return this.groups.map(({ sends }) => ({
      sends,
      settled: new Promise((resolve) => this.#settle.push(resolve)),
    }))
  }

  settle(group, failed = null) {
    this.#settle[group](failed)
  }
}

const tick = () => new Promise((resolve) => setImmediate(resolve))

function setUp(groups) {
  const native = new ScriptedProducer(groups)
  const connection = { unsent: null, behind: new Set() }
  return { native, connection, outbox: new Outbox(native, connection, true) }
}

describe('Outbox', () => {
  it('what is sent before the event loop goes on crosses in one call, in order', async () => {
    const { native, outbox } = setUp()
    const sent = [outbox.add({ value: 1 }), outbox.add([{ value: 2 }, { value: 3 }]), outbox.add({ value: 4 })]
    await Promise.resolve().then(() => sent.push(outbox.add({ value: 5 })))
    assert.equal(native.calls.length, 0)
    await tick()
    assert.deepEqual(native.calls, [[{ values: [1] }, { values: [2, 3] }, { values: [4] }, { values: [5] }]])
    native.settle(0)
    await Promise.all(sent)
  })

  it('a value is sent as it was when it was given', async () => {
    const { native, outbox } = setUp()
    const value = { n: 1 }
    void outbox.add({ value })
    value.n = 2
    void outbox.add([{ value }])
    value.n = 3
    await tick()
    assert.deepEqual(native.calls, [[{ values: [{ n: 1 }] }, { values: [{ n: 2 }] }]])
  })

  it('a send from within a value that is being sent is refused, and spoils nothing', async () => {
    const { native, outbox } = setUp()
    let inner
    const value = {
      toBSON() {
        try {
          void outbox.add({ value: 'inner' })
        } catch (error) {
          inner = error
        }
        return { n: 1 }
      },
    }
    void outbox.add({ value })
    void outbox.add({ value: 'next' })
    await tick()
    assert.equal(inner?.code, 'ERR_CSB_INVALID_MESSAGE')
    assert.deepEqual(native.calls, [[{ values: [{ n: 1 }] }, { values: ['next'] }]])
  })

  it('many small and a few large ones keep their order', async () => {
    const { native, outbox } = setUp()
    const sizes = Array.from({ length: 400 }, (_, n) => (n % 50 === 7 ? 200_000 : 700))
    for (const [n, size] of sizes.entries()) void outbox.add({ value: { n, text: 'x'.repeat(size) } })
    await tick()
    const crossed = native.calls.flat().map(({ values: [{ n, text }] }) => [n, text.length])
    assert.deepEqual(crossed, [...sizes.entries()])
  })

  it('an array that takes several parts is one send', async () => {
    const { native, outbox } = setUp()
    void outbox.add(Array.from({ length: 2500 }, (_, value) => ({ value, key: 'k' })))
    void outbox.add({ value: 'next' })
    await tick()
    const [parts] = native.calls
    assert.deepEqual(
      parts.map(({ values, continues }) => [values.length, continues === true]),
      [
        [1000, true],
        [1000, true],
        [500, false],
        [1, false],
      ],
    )
  })

  it('each has its own outcome, and does not wait for those of other groups', async () => {
    const { native, outbox } = setUp([{ sends: [0, 2] }, { sends: [1] }])
    const outcomes = [1, 2, 3].map((value) => outbox.add({ value }))
    await tick()
    native.settle(0, [{ send: 2, error: new Error('refused') }])
    await outcomes[0]
    await assert.rejects(outcomes[2], /refused/)
    assert.equal(await Promise.race([outcomes[1], tick().then(() => 'waits')]), 'waits')
    native.settle(1)
    await outcomes[1]
  })

  it('what cannot be encoded throws and takes nobody along', async () => {
    const { native, outbox } = setUp()
    const circular = {}
    circular.self = circular
    void outbox.add({ value: 1 })
    assert.throws(() => outbox.add({ value: circular }), { code: 'ERR_CSB_INVALID_MESSAGE' })
    assert.throws(() => outbox.add({}), { code: 'ERR_CSB_INVALID_MESSAGE' })
    void outbox.add({ value: 2 })
    await tick()
    assert.deepEqual(native.calls, [[{ values: [1] }, { values: [2] }]])
  })

  it('a native call that throws fails all that were to cross', async () => {
    const { outbox, native } = setUp()
    native.send = () => {
      throw new Error('gone')
    }
    const outcomes = [outbox.add({ value: 1 }), outbox.add({ value: 2 })]
    for (const outcome of outcomes) await assert.rejects(outcome, /gone/)
  })

  it('two producers of a broker cross in the order of their calls', async () => {
    const { native, connection, outbox } = setUp()
    const other = new Outbox(native, connection, true)
    void outbox.add({ value: 1 })
    void other.add({ value: 2 })
    void outbox.add({ value: 3 })
    await tick()
    assert.deepEqual(native.calls.flat(), [{ values: [1] }, { values: [2] }, { values: [3] }])
  })

  it('is settled when everything that was called is', async () => {
    const { native, outbox } = setUp()
    const sent = outbox.add({ value: 1 })
    const settled = outbox.settled()
    assert.equal(native.calls.length, 1, 'hands over at once')
    assert.equal(await Promise.race([settled, tick().then(() => 'waits')]), 'waits')
    native.settle(0)
    await Promise.all([sent, settled])
    await outbox.settled()
  })
})
