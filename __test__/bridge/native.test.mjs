// The raw addon: wrong arguments, double close, reports that nobody waits for. It must never end the process.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { deserialize, serialize } from 'bson'
import { Inbox, inTime } from '../support/eventually.mjs'
import { sendByAddon } from '../support/native_sends.mjs'
import { testDatabase, uniqueTopic } from '../support/test_database.mjs'

const native = createRequire(import.meta.url)('../../lib/native_addon.js').nativeAddon()
const test = testDatabase('native')
const bytes = (document) => Buffer.from(serialize(document))
const config = { mongoUri: test.uri, database: test.database, autoCreateTopics: true }

const brokers = []
after(() => Promise.all(brokers.map((broker) => broker.disconnect(false)))) // what a failed test left open

async function connected() {
  const broker = new native.NativeBroker(bytes(config))
  brokers.push(broker)
  await broker.connect()
  return broker
}

async function producerAndConsumer(broker, topic = uniqueTopic()) {
  const producer = await broker.createProducer(bytes({ topic, partitions: 1, retentionMs: 3_600_000 }))
  const consumer = await broker.createConsumer(bytes({ topic, groupId: 'group' }))
  return { topic, producer, consumer }
}

/** The value of a record as it crosses: JSON text, `[token, id, key, timestamp, headers, value, …]`. */
const valueIn = (record) => JSON.parse(record)[5]

/** Reports every delivery as done and collects the values. */
function acknowledging(consumer, inbox) {
  return (kind, id, payload) => {
    if (kind !== 0) return
    const { records } = deserialize(payload)
    for (const record of records) inbox.push(valueIn(record))
    consumer.report(id, records.length, 1)
  }
}

describe('arguments', () => {
  it('a constructor without arguments, or with wrong ones, throws', () => {
    for (const args of [[], [undefined], ['text'], [5], [{}], [bytes(config), 'log']]) {
      assert.throws(() => new native.NativeBroker(...args), Error)
    }
  })

  it('bytes that are no BSON throw a typed error', () => {
    for (const broken of [Buffer.alloc(0), Buffer.from('nonsense'), bytes(config).subarray(0, 20), Buffer.alloc(100)]) {
      assert.throws(() => new native.NativeBroker(broken), { code: /^ERR_CSB_/ })
    }
  })

  it('an error has its properties, in a throw and in a rejection', async () => {
    const properties = { code: 'ERR_CSB_INVALID_CONFIG', kind: 'invalid', retryable: false, effect: 'none' }
    assert.throws(() => new native.NativeBroker(bytes({})), properties)
    const broker = await connected()
    await assert.rejects(broker.createTopic(bytes({ name: 'x', partitions: 0 })), properties)
    await broker.disconnect(true)
  })

  it('a send of bytes that are no BSON rejects and sends nothing', async () => {
    const broker = await connected()
    const { producer, topic } = await producerAndConsumer(broker)
    const good = bytes({ m: [{ v: 1, k: 'k' }] })
    const begun = bytes({ c: true, m: [{ v: 1, k: 'k' }] })
    for (const broken of [Buffer.alloc(0), Buffer.from('nonsense'), bytes({}), bytes({ m: 5 }), bytes({ m: [5] })]) {
      await assert.rejects(sendByAddon(producer, [begun, broken]), { code: /^ERR_CSB_/ })
    }
    assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 0)
    await sendByAddon(producer, [good, good])
    assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 2)
    await broker.disconnect(true)
  })

  it('a timestamp of a wrong type reaches the core and is refused there', async () => {
    const broker = await connected()
    const { producer } = await producerAndConsumer(broker)
    for (const t of ['2024-01-01', {}, [], true]) {
      await assert.rejects(sendByAddon(producer, [bytes({ m: [{ v: 1, t }] })]), { code: 'ERR_CSB_INVALID_MESSAGE' })
    }
    await broker.disconnect(true)
  })

  it('the version is the one of the package', () => {
    const { version } = createRequire(import.meta.url)('../../package.json')
    assert.equal(native.version(), version)
  })
})

describe('lifecycle', () => {
  it('connect and disconnect twice, concurrently, and in any order', async () => {
    const broker = new native.NativeBroker(bytes(config))
    await broker.disconnect(true)
    assert.equal(broker.isConnected(), false)
    await Promise.all([broker.connect(), broker.connect()])
    assert.equal(broker.isConnected(), true)
    await Promise.all([broker.disconnect(true), broker.disconnect(false), broker.disconnect(true)])
    assert.equal(broker.isConnected(), false)
    await broker.disconnect(false)
  })

  it('handles outlive their broker and then reject', async () => {
    const broker = await connected()
    const { producer, consumer } = await producerAndConsumer(broker)
    await broker.disconnect(true)
    assert.deepEqual([producer.isConnected(), consumer.isConnected(), consumer.isSubscribed()], [false, false, false])
    await assert.rejects(sendByAddon(producer, [bytes({ m: [{ v: 1 }] })]), { kind: 'closed' })
    await assert.rejects(
      consumer.subscribe(bytes({}), () => {}),
      { kind: 'closed' },
    )
    assert.equal(await consumer.commitOffsets(), false)
    consumer.pause()
    consumer.resume()
    await Promise.all([consumer.unsubscribe(true), consumer.disconnect(true), producer.disconnect()])
    deserialize(consumer.offsetInfo())
  })

  it('reports that nobody waits for are ignored', async () => {
    const broker = await connected()
    const { consumer, producer } = await producerAndConsumer(broker)
    for (const outcome of [0, 1, 2, 3, 4, 99]) consumer.report(12345, 1, outcome)
    const inbox = new Inbox()
    const acknowledge = acknowledging(consumer, inbox)
    await consumer.subscribe(bytes({}), (kind, id, payload) => {
      consumer.report(id + 1, 5, 1)
      acknowledge(kind, id, payload)
      consumer.report(id, 1, 1)
      consumer.report(id, 1, 3, bytes({ name: 'late' }))
    })
    for (const v of [1, 2, 3]) await sendByAddon(producer, [bytes({ m: [{ v }] })])
    assert.deepEqual(await inbox.received(3), [1, 2, 3])
    await inTime(broker.disconnect(true))
  })

  it('two subscribe() at once: one holds and delivers, the other rejects', async () => {
    const broker = await connected()
    const { consumer, producer } = await producerAndConsumer(broker)
    const inbox = new Inbox()
    const subscribing = [1, 2].map(() => consumer.subscribe(bytes({}), acknowledging(consumer, inbox)))
    const outcomes = await Promise.allSettled(subscribing)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.deepEqual(
      refused.map((outcome) => outcome.reason.code),
      ['ERR_CSB_ALREADY_SUBSCRIBED'],
    )
    for (const v of [1, 2]) await sendByAddon(producer, [bytes({ m: [{ v }] })])
    assert.deepEqual(await inbox.received(2), [1, 2])
    const disconnecting = performance.now()
    await broker.disconnect(true)
    assert.ok(performance.now() - disconnecting < 20_000, 'its reports went nowhere')
  })
})

describe('subscribing again while the first subscription drains', () => {
  let broker
  before(async () => {
    broker = await connected()
  })

  it('the reports of the first do not acknowledge deliveries of the second', async () => {
    const { topic, consumer, producer } = await producerAndConsumer(broker)
    const witness = await broker.createConsumer(bytes({ topic, groupId: 'witness' }))
    const witnessed = new Inbox()
    await witness.subscribe(bytes({}), acknowledging(witness, witnessed))
    const deliveries = () => {
      const calls = new Inbox()
      const values = () => calls.items.flatMap((call) => call.values)
      const deliver = (kind, id, payload) => {
        if (kind === 0) calls.push({ id, values: deserialize(payload).records.map(valueIn) })
      }
      return { calls, values, deliver }
    }
    const first = deliveries()
    await consumer.subscribe(bytes({}), first.deliver)
    await sendByAddon(producer, [bytes({ m: [{ v: 'a' }] })])
    const [running] = await first.calls.received(1)
    await consumer.unsubscribe(false) // as from inside a handler, which goes on
    const second = deliveries()
    const subscribing = consumer.subscribe(bytes({}), second.deliver) // waits for the first to drain
    consumer.report(running.id, 1, 1)
    await inTime(subscribing, 10_000, 'the second subscription')
    await sendByAddon(producer, [bytes({ m: [{ v: 'b' }] })])
    const [held] = await second.calls.received(1)
    consumer.report(running.id, 1, 1) // late, and once too often
    await sendByAddon(producer, [bytes({ m: [{ v: 'c' }] })])
    await witnessed.received(3)
    assert.equal(second.calls.length, 1, 'the second went on before it had reported')
    consumer.report(held.id, held.values.length, 1)
    while (!second.values().includes('c')) {
      const next = (await second.calls.received(second.calls.length + 1)).at(-1)
      consumer.report(next.id, next.values.length, 1)
    }
    assert.deepEqual(second.values(), ['b', 'c'], 'what the first had finished came again')
    await inTime(consumer.unsubscribe(true), 10_000, 'the drain')
  })
})

describe('log', () => {
  it('calls the function with level, context and text', async () => {
    const entries = new Inbox()
    const broker = new native.NativeBroker(bytes({ ...config, logLevel: 'DEBUG', logContext: 'ctx' }), (...args) =>
      entries.push(args),
    )
    await broker.connect()
    await broker.disconnect(true)
    await entries.received(1)
    for (const [level, context, message, ...rest] of entries.items) {
      assert.ok([1, 2, 3, 4].includes(level))
      assert.deepEqual([context, typeof message, rest], ['ctx', 'string', []])
    }
  })
})
