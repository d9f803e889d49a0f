// Closing: handlers in flight finish and are committed, the process ends by itself, nothing deadlocks.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox, inTime, signal } from '../support/eventually.mjs'
import { runProgram } from '../support/run_program.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('shutdown')
const EXIT_WITHIN_MS = 10_000

/** Runs `programs/shutdown.mjs` and checks that it ended by itself soon after it had disconnected. */
async function runShutdown(how, topic) {
  const program = await runProgram('shutdown', { args: [how, test.uri, test.database, topic] })
  assert.deepEqual([program.code, program.signal], [0, null], program.stderr)
  const disconnected = program.lines.find((line) => line.event === 'disconnected')
  assert.ok(disconnected, program.stdout)
  const lingered = program.exitedAt - disconnected.at
  assert.ok(lingered < EXIT_WITHIN_MS, `the process ended ${lingered} ms after disconnect()`)
  return program
}

/** What a new member of the group gets when `sent` messages were sent to one partition. */
async function restOf(topic, sent) {
  const broker = await test.broker()
  const inbox = new Inbox()
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  await consumer.subscribe({ handler: async (record) => inbox.push(record.message.value) })
  const producer = await broker.createProducer(producerConfig(topic))
  await producer.send({ value: sent })
  await inbox.first((value) => value === sent)
  await broker.disconnect()
  return inbox.items
}

/** Long enough for a close that does not wait to have resolved. */
async function roundTrip(broker) {
  for (let n = 0; n < 3; n++)
    await broker.createTopic({ name: uniqueTopic('round-trip'), partitions: 1, retentionMs: 60_000 })
}

describe('the process', () => {
  for (const how of ['broker', 'unsubscribe-then-broker', 'twice', 'inside-handler']) {
    it(`ends by itself after disconnect() with a handler in flight: ${how}`, async () => {
      const topic = uniqueTopic(how)
      const program = await runShutdown(how, topic)
      const started = program.lines.filter((line) => line.event === 'handler starts').map((line) => line.value)
      const ended = program.lines.filter((line) => line.event === 'handler ends').map((line) => line.value)
      assert.deepEqual(ended, started, 'a handler was cut off')
      assert.deepEqual(started, [0])
      assert.deepEqual(await restOf(topic, 5), [1, 2, 3, 4, 5], 'lost, or delivered twice')
    })
  }

  it('ends by itself after unsubscribe() alone: only a subscription keeps it alive', async () => {
    await runShutdown('unsubscribe-only', uniqueTopic('unsubscribe'))
  })

  it('ends by itself if it only sent', async () => {
    await runShutdown('producer-only', uniqueTopic('producer'))
  })

  it('stays alive while it is subscribed', async () => {
    const topic = uniqueTopic('alive')
    const program = await runProgram('shutdown', { args: ['stay', test.uri, test.database, topic], within: 10_000 })
    assert.equal(program.signal, 'SIGKILL', `it ended with ${program.code}: ${program.stderr}`)
    assert.ok(
      program.lines.some((line) => line.event === 'subscribed'),
      program.stderr,
    )
  })
})

describe('an end that nobody announced', () => {
  it('worker.terminate() in the middle of a handler harms neither the process nor the next subscriber', async () => {
    const program = await runProgram('terminated_worker', { args: [test.uri, test.database, uniqueTopic('worker')] })
    assert.deepEqual([program.code, program.signal], [0, null], program.stderr)
    assert.equal(program.lines.at(-1)?.event, 'done', program.stdout)
  })

  it('process.exit() in the middle of a handler exits with its code', async () => {
    const topic = uniqueTopic('exit')
    const program = await runProgram('shutdown', { args: ['process-exit', test.uri, test.database, topic] })
    assert.deepEqual([program.code, program.signal], [7, null], program.stderr)
  })
})

describe('close', () => {
  async function busyConsumer() {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const started = signal()
    const release = signal()
    const handled = new Inbox()
    await consumer.subscribe({
      handler: async (record) => {
        started.fire()
        await release.fired
        handled.push(record.message.value)
      },
    })
    await producer.send([0, 1, 2].map((value) => ({ value, key: 'k' })))
    await started.fired
    return { broker, topic, consumer, producer, release, handled }
  }

  for (const method of ['unsubscribe', 'disconnect']) {
    it(`${method}() waits for the handler in flight and for no more`, async () => {
      const { broker, consumer, release, handled } = await busyConsumer()
      let closed = false
      const closing = consumer[method]().then(() => {
        closed = true
      })
      await roundTrip(broker)
      assert.equal(closed, false)
      release.fire()
      await inTime(closing)
      assert.deepEqual(handled.items, [0])
      assert.equal(consumer.isSubscribed(), false)
      assert.equal(consumer.isConnected(), method === 'unsubscribe')
    })
  }

  it('twice, concurrently and after the end', async () => {
    const { broker, consumer, release, handled } = await busyConsumer()
    const closing = [
      consumer.unsubscribe(),
      consumer.disconnect(),
      consumer.disconnect(),
      broker.disconnect(),
      broker.disconnect(),
    ]
    release.fire()
    await inTime(Promise.all(closing))
    assert.deepEqual(handled.items, [0])
    await inTime(Promise.all([consumer.unsubscribe(), consumer.disconnect(), broker.disconnect()]))
  })

  it('broker.disconnect() waits for messages that are being sent', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const sending = Promise.allSettled(Array.from({ length: 500 }, (_, value) => producer.send({ value, key: 'k' })))
    await broker.disconnect()
    const outcomes = await sending
    assert.deepEqual(
      outcomes.filter((outcome) => outcome.status === 'rejected'),
      [],
    )
    assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 500)
  })

  it('a broker that never connected', async () => {
    const { ChangeStreamBroker } = await import('../../index.js')
    await inTime(new ChangeStreamBroker({ mongoUri: test.uri }).disconnect())
  })

  it('connect() again after disconnect()', async () => {
    const broker = await test.broker()
    await broker.disconnect()
    await broker.connect()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    await producer.send({ value: 1 })
    assert.equal(await test.db.collection(`${topic}_p0`).countDocuments(), 1)
  })
})

describe('close inside a handler', () => {
  async function closingHandler(close, { from = 'handler' } = {}) {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const closed = new Inbox()
    const handled = new Inbox()
    const closeAndSay = async () => {
      await inTime(close({ broker, consumer }), 20_000, 'closing inside the handler')
      closed.push(true)
    }
    await consumer.subscribe({
      handler: async (record) => {
        if (from === 'errorHandler') throw new Error('no')
        await closeAndSay()
        handled.push(record.message.value)
      },
      errorHandler: closeAndSay,
      maxRetries: 0,
    })
    await producer.send([0, 1].map((value) => ({ value, key: 'k' })))
    await closed.received(1)
    return { broker, topic, consumer, handled }
  }

  it('unsubscribe()', async () => {
    const { consumer, handled } = await closingHandler(({ consumer }) => consumer.unsubscribe())
    await inTime(consumer.unsubscribe(), 20_000, 'the drain')
    assert.deepEqual(handled.items, [0])
    assert.equal(consumer.isSubscribed(), false)
  })

  it('consumer.disconnect()', async () => {
    const { topic, broker, handled } = await closingHandler(({ consumer }) => consumer.disconnect())
    await inTime(broker.disconnect(), 20_000, 'the drain')
    assert.deepEqual(handled.items, [0])
    assert.deepEqual(await restOf(topic, 2), [1, 2])
  })

  it('broker.disconnect(), several calls deep and after awaits', async () => {
    const { broker, topic, handled } = await closingHandler(async ({ broker }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await Promise.all([(async () => broker.disconnect())()])
    })
    await inTime(broker.disconnect(), 20_000, 'the drain')
    assert.deepEqual(handled.items, [0])
    assert.deepEqual(await restOf(topic, 2), [1, 2])
  })

  it('unsubscribe() inside errorHandler', async () => {
    const { consumer } = await closingHandler(({ consumer }) => consumer.unsubscribe(), { from: 'errorHandler' })
    await inTime(consumer.unsubscribe(), 20_000, 'the drain')
  })

  it('in the handlers of all partitions at once, each twice, and outside meanwhile', async () => {
    const partitions = 3
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, partitions))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const entered = new Inbox()
    const handled = new Inbox()
    const closeAll = () => [
      consumer.unsubscribe(),
      consumer.unsubscribe(),
      consumer.disconnect(),
      consumer.disconnect(),
      broker.disconnect(),
      broker.disconnect(),
    ]
    await consumer.subscribe({
      handler: async (record) => {
        entered.push(record.partition)
        await entered.received(partitions)
        await inTime(Promise.all(closeAll()), 20_000, 'closing inside the handlers')
        handled.push(record.message.value)
      },
    })
    await producer.send(Array.from({ length: 30 }, (_, value) => ({ value, key: `k${value}` })))
    await entered.received(partitions)
    await inTime(Promise.all(closeAll()), 20_000, 'closing outside')
    assert.deepEqual([...entered.items].sort(), [0, 1, 2], 'a handler was called after the close')
    assert.equal(handled.length, partitions, 'a handler was not waited for')

    const again = await test.broker()
    const rest = new Inbox()
    const next = await again.createConsumer(consumerConfig(topic, 'group'))
    await next.subscribe({ handler: async (record) => rest.push(record.message.value) })
    await rest.received(30 - partitions)
    await again.disconnect()
    const all = [...handled.items, ...rest.items].sort((a, b) => a - b)
    assert.deepEqual(
      all,
      Array.from({ length: 30 }, (_, value) => value),
    )
  })

  it('a handler may send until it is finished', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const answers = uniqueTopic()
    const answering = await broker.createProducer(producerConfig(answers))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const outcomes = new Inbox()
    const answer = (value) =>
      answering.send({ value }).then(
        () => outcomes.push('sent'),
        (error) => outcomes.push(error.code),
      )
    await consumer.subscribe({
      handler: async () => {
        await broker.disconnect()
        await answer('first')
        await answer('second')
      },
    })
    await producer.send({ value: 0 })
    await outcomes.received(2)
    await inTime(broker.disconnect())
    await answer('late')
    assert.deepEqual(outcomes.items, ['sent', 'sent', 'ERR_CSB_NOT_CONNECTED'])

    const again = await test.broker()
    const answered = new Inbox()
    const reader = await again.createConsumer(consumerConfig(answers, 'group', { fromBeginning: true }))
    await reader.subscribe({ handler: async (record) => answered.push(record.message.value) })
    await answered.received(2)
    assert.deepEqual(answered.items, ['first', 'second'])
    await again.disconnect()
  })

  it('disconnect() outside waits for the one that a handler began', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const begun = signal()
    const release = signal()
    const handled = new Inbox()
    await consumer.subscribe({
      handler: async (record) => {
        await broker.disconnect()
        begun.fire()
        await release.fired
        handled.push(record.message.value)
      },
    })
    await producer.send({ value: 0 })
    await begun.fired
    const witness = await test.broker()
    let done = false
    const disconnecting = broker.disconnect().then(() => {
      done = true
    })
    await roundTrip(witness)
    assert.equal(done, false, 'it did not wait for the handler')
    release.fire()
    await inTime(disconnecting)
    assert.deepEqual(handled.items, [0])
  })

  it('what a handler left running is outside: it waits for the handlers in flight', async () => {
    const broker = await test.broker()
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic))
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const second = signal()
    const release = signal()
    const finished = new Inbox()
    const closing = new Inbox()
    await consumer.subscribe({
      handler: async (record) => {
        const { value } = record.message
        if (value === 0) second.fired.then(() => closing.push(consumer.unsubscribe()))
        if (value === 1) {
          second.fire()
          await release.fired
        }
        finished.push(value)
      },
    })
    await producer.send([0, 1].map((value) => ({ value, key: 'k' })))
    const [unsubscribed] = await closing.received(1)
    let done = false
    unsubscribed.then(() => {
      done = true
    })
    await roundTrip(broker)
    assert.equal(done, false)
    release.fire()
    await inTime(unsubscribed)
    assert.deepEqual(finished.items, [0, 1])
  })
})
