// What consumers and brokers tell those who listen, and how far behind a group is.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { before, describe, it } from 'node:test'
import { ChangeStreamBrokerError } from '../../index.js'
import { Inbox, passes, signal } from '../support/eventually.mjs'
import { runProgram } from '../support/run_program.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('events')

let broker
before(async () => {
  broker = await test.broker()
})

async function scene() {
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic, 1))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  return { topic, producer, consumer }
}

describe('the events of a consumer', () => {
  it('tell the life of a subscription', async () => {
    const { topic, producer, consumer } = await scene()
    const events = new Inbox()
    for (const name of ['assigned', 'retried', 'deadLettered', 'revoked']) {
      consumer.on(name, (event) => events.push({ name, ...event }))
    }
    await consumer.subscribe({
      maxRetries: 1,
      retryDelay: 5,
      handler: () => {
        throw new TypeError('no')
      },
    })
    await producer.send({ value: 1, messageId: 'the-id' })
    await events.received(3)
    await consumer.unsubscribe()
    await events.received(4)
    const all = { topic, groupId: 'group' }
    const message = { partition: 0, messageId: 'the-id', errorName: 'TypeError' }
    assert.deepEqual(events.items, [
      { name: 'assigned', ...all, partitions: [0] },
      { name: 'retried', ...all, ...message, attempt: 1, delayMs: 5 },
      { name: 'deadLettered', ...all, ...message, attempts: 2 },
      { name: 'revoked', ...all, partition: 0, reason: 'unsubscribed' },
    ])
  })

  it('reach the broker too, until the listener is taken off', async () => {
    const { topic, producer, consumer } = await scene()
    const offsets = new Inbox()
    const listener = (event) => event.topic === topic && offsets.push(event.offset)
    assert.equal(broker.on('committed', listener), broker)
    await consumer.subscribe({ handler: () => {}, autoCommit: true })
    await producer.send({ value: 1 })
    await passes(() => assert.ok(offsets.items.some((offset) => offset?._data.startsWith('82'))))
    broker.off('committed', listener)
    const handled = consumer.getOffsetInfo().lastCommitted
    const before = offsets.items.length
    await producer.send({ value: 2 })
    await passes(() => assert.notDeepEqual(consumer.getOffsetInfo().lastCommitted, handled))
    assert.equal(offsets.items.length, before)
    await consumer.disconnect()
  })

  it('an error comes with the object that errorHandler gets, and without a listener it is none', async () => {
    const topic = uniqueTopic()
    await broker.createProducer(producerConfig(topic, 1))
    const instance = () => broker.createConsumer(consumerConfig(topic, 'group', { instanceId: 'pod-0' }))
    const consumer = await instance()
    const [heard, handled] = [new Inbox(), new Inbox()]
    consumer.once('error', (event) => heard.push(event))
    await consumer.subscribe({ handler: () => {}, errorHandler: (error) => handled.push(error) })
    const successor = await instance()
    await successor.subscribe({ handler: () => {} })
    const [{ error, ...where }] = await heard.received(1)
    assert.deepEqual(where, { topic, groupId: 'group' })
    assert.ok(error instanceof ChangeStreamBrokerError)
    assert.equal(error.code, 'ERR_CSB_INSTANCE_REPLACED')
    assert.equal((await handled.received(1))[0], error)
    assert.deepEqual([heard.length, handled.length], [1, 1])
    await successor.disconnect()
  })

  it('a listener that fails hinders nobody, and is not lost', async () => {
    const { producer, consumer } = await scene()
    const [handled, assigned, warnings] = [new Inbox(), new Inbox(), new Inbox()]
    const listen = (warning) => warnings.push(warning.message)
    process.on('warning', listen)
    consumer.on('assigned', () => {
      throw new Error('thrown in a listener')
    })
    consumer.on('assigned', async () => {
      throw new Error('rejected in a listener')
    })
    consumer.on('assigned', (event) => assigned.push(event))
    await consumer.subscribe({ handler: ({ message }) => handled.push(message.value) })
    await producer.send({ value: 1 })
    await handled.received(1)
    await assigned.received(1)
    await warnings.first((text) => /'assigned' failed.*thrown in a listener/s.test(text))
    await warnings.first((text) => /'assigned' failed.*rejected in a listener/s.test(text))
    process.off('warning', listen)
    await consumer.disconnect()
  })

  it('once, addListener, removeListener, and what node:events makes of them', async () => {
    const { producer, consumer } = await scene()
    const calls = []
    const listener = () => calls.push('kept')
    const removed = () => calls.push('removed')
    assert.equal(
      consumer
        .addListener('committed', listener)
        .once('committed', () => calls.push('once'))
        .once('committed', removed)
        .removeListener('committed', removed),
      consumer,
    )
    const assigned = once(consumer, 'assigned')
    await consumer.subscribe({ handler: () => {}, autoCommit: true })
    assert.deepEqual((await assigned)[0].partitions, [0])
    for (const value of [1, 2]) {
      const { lastCommitted } = consumer.getOffsetInfo()
      await producer.send({ value })
      await passes(() => assert.notDeepEqual(consumer.getOffsetInfo().lastCommitted, lastCommitted))
    }
    await passes(() => assert.ok(calls.filter((call) => call === 'kept').length >= 2))
    assert.equal(calls.filter((call) => call === 'once').length, 1)
    assert.ok(!calls.includes('removed'))
    await consumer.disconnect()
  })

  it('an unknown one is refused by name', async () => {
    const { consumer } = await scene()
    assert.throws(() => consumer.on('comitted', () => {}), {
      code: 'ERR_CSB_INVALID_CONFIG',
      message: /'comitted'.*'committed'/,
    })
    assert.throws(() => consumer.on('committed'), { code: 'ERR_CSB_INVALID_CONFIG', message: /function/ })
  })

  it('a blocked event loop is reported when it runs again', async () => {
    const { consumer } = await scene()
    const stalled = new Inbox()
    consumer.on('stalled', (event) => stalled.push(event))
    await consumer.subscribe({ handler: () => {} })
    const end = Date.now() + 9000
    while (Date.now() < end);
    const [event] = await stalled.received(1)
    assert.deepEqual([event.reason, event.partition], ['eventLoop', null])
    assert.ok(event.sinceMs >= 5000, `${event.sinceMs} ms`)
    await consumer.disconnect()
  })
})

describe('what nobody hears', () => {
  const { NativeConsumer } = createRequire(import.meta.url)('../../lib/native_addon.js').nativeAddon()
  const { listen } = NativeConsumer.prototype

  it('does not cross: the core is asked for the wanted events, while they are wanted', async (t) => {
    const calls = []
    t.mock.method(NativeConsumer.prototype, 'listen', function (listener, names) {
      calls.push([listener === null ? null : 'listener', names])
      return listen.call(this, listener, names)
    })
    const { consumer } = await scene()
    const other = await scene()
    const [first, second] = [() => {}, () => {}]
    consumer.on('error', first)
    await consumer.subscribe({ handler: () => {} })
    assert.deepEqual(calls, [], 'errors come another way')
    consumer.on('retried', first).on('retried', second)
    assert.deepEqual(calls.splice(0), [['listener', ['retried']]])
    consumer.off('retried', first)
    assert.deepEqual(calls, [])
    consumer.off('retried', second).off('retried', second)
    assert.deepEqual(calls.splice(0), [[null, []]])
    broker.on('committed', first)
    const asked = calls.splice(0)
    assert.ok(asked.length >= 2, 'for each consumer of the broker')
    assert.ok(asked.every(([listener, names]) => listener === 'listener' && names.includes('committed')))
    broker.off('committed', first)
    assert.equal(calls.length, asked.length)
    assert.ok(calls.every(([, names]) => !names.includes('committed')))
    calls.length = 0
    await consumer.disconnect()
    await other.consumer.disconnect()
  })

  it('keeps no consumer in memory that was disconnected', async () => {
    const args = [test.uri, test.database, uniqueTopic()]
    const program = await runProgram('collected_consumers', { args, nodeArgs: ['--expose-gc'] })
    assert.equal(program.code, 0, program.stderr)
    assert.ok(program.lines[0].alive <= 1, `${program.lines[0].alive} consumers are still there`)
  })
})

describe('the events of a broker', () => {
  it('connected and disconnected, once each however many calls share the work', async () => {
    const events = []
    const own = await test.broker()
    await own.disconnect()
    own.on('connected', (event) => events.push(['connected', event]))
    own.on('disconnected', (event) => events.push(['disconnected', event]))
    await own.disconnect()
    assert.deepEqual(events, [])
    await Promise.all([own.connect(), own.connect()])
    await own.connect()
    assert.deepEqual(events, [['connected', {}]])
    await Promise.all([own.disconnect(), own.disconnect()])
    assert.deepEqual(events, [
      ['connected', {}],
      ['disconnected', {}],
    ])
  })

  it('disconnected is the end, also of a disconnect that was begun inside a handler', async () => {
    const own = await test.broker()
    const topic = uniqueTopic()
    const producer = await own.createProducer(producerConfig(topic, 1))
    const consumer = await own.createConsumer(consumerConfig(topic, 'group'))
    const [inside, release] = [signal(), signal()]
    const events = []
    const ended = signal()
    for (const name of ['revoked', 'disconnected']) own.on(name, () => events.push(name))
    own.on('disconnected', () => ended.fire())
    await consumer.subscribe({
      handler: async () => {
        await own.disconnect()
        inside.fire()
        await release.fired
        events.push('handled')
      },
    })
    await producer.send({ value: 1 })
    await inside.fired
    assert.deepEqual(events, [])
    release.fire()
    await ended.fired
    assert.deepEqual(events, ['handled', 'revoked', 'disconnected'])
  })

  it('those of its consumers, up to the last commit', async () => {
    for (const close of ['consumer', 'broker']) {
      const own = await test.broker()
      const topic = uniqueTopic()
      const producer = await own.createProducer(producerConfig(topic, 1))
      const consumer = await own.createConsumer(consumerConfig(topic, 'group'))
      const events = new Inbox()
      for (const name of ['committed', 'revoked']) own.on(name, (event) => events.push({ name, ...event }))
      const handled = signal()
      await consumer.subscribe({ handler: () => handled.fire(), autoCommit: false })
      await producer.send({ value: 1 })
      await handled.fired
      await (close === 'consumer' ? consumer : own).disconnect()
      await events.first(({ name }) => name === 'revoked')
      const { lastCommitted } = consumer.getOffsetInfo()
      const committed = await events.first(({ name }) => name === 'committed')
      const all = { topic, groupId: 'group', partition: 0 }
      assert.deepEqual(committed, { name: 'committed', ...all, offset: lastCommitted })
      assert.deepEqual(events.items.at(-1), { name: 'revoked', ...all, reason: 'unsubscribed' })
      await own.disconnect()
    }
  })
})

describe('a process that listens', () => {
  for (const how of ['broker', 'consumer', 'unsubscribe', 'inside-handler']) {
    it(`ends by itself: ${how}`, async () => {
      const program = await runProgram('listening', { args: [how, test.uri, test.database, uniqueTopic()] })
      assert.deepEqual([program.code, program.signal], [0, null], program.stderr)
      const events = program.lines.map(({ event }) => event)
      assert.equal(events[0], 'connected')
      assert.ok(events.includes('assigned') && events.includes('committed'), `${events}`)
      assert.equal(events.includes('disconnected'), how === 'broker' || how === 'inside-handler', `${events}`)
    })
  }
})

describe('lag', () => {
  it('counts what is not committed', async () => {
    const { producer, consumer } = await scene()
    await consumer.subscribe({ handler: () => {} })
    assert.deepEqual(await consumer.lag(), [{ partition: 0, messages: 0, seconds: 0 }])
    consumer.pause()
    await producer.send([{ value: 1 }, { value: 2 }])
    const [{ partition, messages }] = await consumer.lag()
    assert.deepEqual({ partition, messages }, { partition: 0, messages: 2 })
    consumer.resume()
    await passes(async () => assert.equal((await consumer.lag())[0].messages, 0))
    await consumer.disconnect()
    await assert.rejects(consumer.lag(), { code: 'ERR_CSB_NOT_CONNECTED' })
  })
})
