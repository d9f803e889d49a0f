// What a group gave up on: looking at it, having it delivered again to that group only, removing it.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Binary, Long } from 'bson'
import { ChangeStreamBroker } from '../../index.js'
import { rejectsWith } from '../support/assert_error.mjs'
import { eventually, Inbox, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('dead_letters')

let broker
before(async () => {
  broker = await test.broker()
})

/** A handler that fails while `state.failing`, and pushes every record. */
function failing(records, makeError = () => new TypeError('not today')) {
  const state = { failing: true }
  const handler = async (record) => {
    records.push(record)
    if (state.failing) throw makeError()
  }
  return { state, handler }
}

/** A consumer that has given up on messages with these values, and what its handler got. */
async function withLetters(values, { topic = uniqueTopic(), config = {}, messages } = {}) {
  const producer = await broker.createProducer(producerConfig(topic))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', config))
  const records = new Inbox()
  const { state, handler } = failing(records)
  await consumer.subscribe({ handler, maxRetries: 0, retryDelay: 1 })
  await producer.send(messages ?? values.map((value) => ({ value, key: 'k' })))
  const count = (messages ?? values).length
  await eventually(async () => (await consumer.deadLetters.count()) === count, { what: `${count} dead letters` })
  return { topic, producer, consumer, records, state, letters: consumer.deadLetters }
}

const gone = (letters) => eventually(async () => (await letters.count()) === 0, { what: 'the last letter to go' })
const valuesOf = (letters) => letters.map((letter) => letter.message.value)

describe('list', () => {
  it('tells everything about a letter, the message as its handler got it', async () => {
    const value = { n: Long.fromNumber(5), bytes: new Binary(Buffer.from('x')), nested: [{ at: new Date(5) }] }
    const message = { value, key: 'order-7', headers: { source: 'test' }, messageId: 'poison' }
    const { topic, records, letters } = await withLetters([], { messages: [message] })
    const { letters: found, after } = await letters.list()
    assert.equal(after, null)
    const [letter] = found
    const { errors, deadAt, ...rest } = letter
    assert.deepEqual(rest, {
      groupId: 'group',
      topic,
      partition: 0,
      messageId: 'poison',
      message: records.items[0].message,
      offset: records.items[0].offset,
      attempts: 1,
      expiresAt: null,
      redrives: 0,
      redrive: null,
    })
    assert.deepEqual([letter.message.value.n._bsontype, letter.message.value.bytes._bsontype], ['Long', 'Binary'])
    assert.ok(deadAt instanceof Date && Math.abs(deadAt - Date.now()) < 60_000)
    assert.deepEqual([errors.length, errors[0].name, errors[0].message], [1, 'TypeError', 'not today'])
    assert.match(errors[0].stack, /dead_letters\.test\.mjs/)
    assert.ok(errors[0].at instanceof Date)
  })

  it('pages, newest first or oldest first, and iterates', async () => {
    const { letters } = await withLetters([0, 1, 2, 3, 4])
    const first = await letters.list({ limit: 2 })
    assert.deepEqual(valuesOf(first.letters), [4, 3])
    const second = await letters.list({ limit: 2, after: first.after })
    const third = await letters.list({ limit: 2, after: second.after })
    assert.deepEqual([valuesOf(second.letters), valuesOf(third.letters), third.after], [[2, 1], [0], null])
    for (const [query, expected] of [
      [{ limit: 2, order: 'oldest' }, [0, 1, 2, 3, 4]],
      [undefined, [4, 3, 2, 1, 0]],
    ]) {
      const read = []
      for await (const letter of letters.iterate(query)) read.push(letter.message.value)
      assert.deepEqual(read, expected)
    }
  })

  it('finds what a filter describes', async () => {
    const messages = ['a', 'b', 'c'].map((key) => ({ value: key, key, messageId: `id-${key}` }))
    const { topic, letters } = await withLetters([], { messages })
    const now = new Date()
    for (const [filter, expected] of [
      [{ key: 'b' }, ['b']],
      [{ messageId: ['id-c', 'id-a'] }, ['a', 'c']],
      [{ topic, partition: 0, errorName: 'TypeError', redriving: false }, ['a', 'b', 'c']],
      [{ partition: 1 }, []],
      [{ since: new Date(now - 60_000), until: new Date(+now + 60_000) }, ['a', 'b', 'c']],
      [{ until: new Date(now - 60_000) }, []],
    ]) {
      const page = await letters.list({ ...filter, order: 'oldest' })
      assert.deepEqual(valuesOf(page.letters), expected, JSON.stringify(filter))
      assert.equal(await letters.count(filter), expected.length)
    }
  })

  it('of a broker: every topic of a group, also one that nobody consumes here', async () => {
    const { consumer } = await withLetters(['x'])
    const config = consumerConfig(uniqueTopic(), 'many-topics')
    const producer = await broker.createProducer(producerConfig(config.topic))
    const other = await broker.createConsumer(config)
    await other.subscribe({ handler: failing(new Inbox()).handler, maxRetries: 0 })
    await producer.send({ value: 'y' })
    const letters = broker.getDeadLetters('many-topics')
    await eventually(async () => (await letters.count()) === 1)
    assert.deepEqual(valuesOf((await letters.list({ topic: config.topic })).letters), ['y'])
    assert.equal(await letters.count({ topic: consumer.getTopic() }), 0)
    assert.equal(await broker.getDeadLetters('nobody').count(), 0)
  })
})

describe('redrive', () => {
  it('delivers to the failing group only, in order, marked as redriven, and removes what is handled', async () => {
    const topic = uniqueTopic()
    const others = new Inbox()
    await broker.createProducer(producerConfig(topic))
    const other = await broker.createConsumer(consumerConfig(topic, 'others'))
    await other.subscribe({ handler: async (record) => others.push(record) })
    const { records, state, letters } = await withLetters([1, 2, 3], { topic })
    state.failing = false
    assert.equal(await letters.redrive(), 3)
    await gone(letters)
    const redriven = records.items.slice(3)
    assert.deepEqual(
      redriven.map((record) => record.message.value),
      [1, 2, 3],
    )
    for (const [index, record] of redriven.entries()) {
      const { timestamp, ...first } = records.items[index]
      assert.ok(timestamp instanceof Date)
      const { timestamp: _, ...again } = record
      assert.deepEqual(again, { ...first, redriven: true })
    }
    assert.equal('redriven' in records.items[0], false)
    assert.equal(others.length, 3)
  })

  it('of one message, by its id; asking twice delivers once', async () => {
    const { records, state, consumer, letters } = await withLetters(['a', 'b'])
    consumer.pause()
    state.failing = false
    const id = records.items[1].message.id
    assert.equal(await letters.redrive(id), 1)
    assert.equal(await letters.redrive(id), 0)
    const [pending] = (await letters.list({ redriving: true })).letters
    assert.equal(pending.messageId, id)
    assert.ok(pending.redrive.requestedAt instanceof Date)
    assert.deepEqual(pending.redrive.notBefore, pending.redrive.requestedAt)
    consumer.resume()
    await eventually(async () => (await letters.count()) === 1)
    assert.equal(records.length, 3)
    assert.deepEqual([records.items[2].message.value, records.items[2].redriven], ['b', true])
  })

  it('that fails again leaves the letter, with the new errors', async () => {
    const { topic, consumer, letters } = await withLetters(['a'])
    await consumer.unsubscribe()
    assert.equal(await letters.redrive(), 1)
    const heard = new Inbox()
    const handler = () => {
      throw new RangeError('still not')
    }
    const errorHandler = (error, record, attempt) => heard.push([error.name, record.redriven, attempt])
    await consumer.subscribe({ handler, errorHandler, maxRetries: 1, retryDelay: 1 })
    const letter = await eventually(async () => (await letters.list({ redriving: false })).letters[0])
    assert.deepEqual([letter.topic, letter.attempts, letter.redrives, letter.redrive], [topic, 3, 1, null])
    assert.deepEqual(
      letter.errors.map(({ name }) => name),
      ['TypeError', 'RangeError', 'RangeError'],
    )
    assert.deepEqual(heard.items, [
      ['RangeError', true, { attempt: 1, willRetry: true }],
      ['RangeError', true, { attempt: 2, willRetry: false }],
    ])
    assert.equal(await letters.count({ errorName: 'RangeError' }), 1)
  })

  it('keeps to its rate, and can be cancelled', async () => {
    const { records, state, letters } = await withLetters([0, 1, 2, 3])
    state.failing = false
    assert.equal(await letters.redrive({}, { ratePerSecond: 0.01 }), 4)
    await records.received(5)
    await eventually(async () => (await letters.count()) === 3)
    assert.equal(await letters.cancelRedrive(), 3)
    assert.equal(await letters.count({ redriving: true }), 0)
    assert.equal(await letters.redrive({ key: 'k' }, { ratePerSecond: 1000 }), 3)
    await gone(letters)
    assert.deepEqual(
      records.items.map((record) => record.message.value),
      [0, 1, 2, 3, 0, 1, 2, 3],
    )
  })

  it('goes between the messages of the topic', async () => {
    const { producer, consumer, letters } = await withLetters(['old'])
    await consumer.unsubscribe()
    const handled = new Inbox()
    const { fire, fired } = signal()
    await consumer.subscribe({
      handler: async ({ message, redriven }) => {
        handled.push([message.value, redriven === true])
        if (message.value === 'first') await fired
      },
    })
    await producer.send({ value: 'first', key: 'k' })
    await handled.received(1)
    assert.equal(await letters.redrive(), 1)
    fire()
    await gone(letters)
    await producer.send({ value: 'last', key: 'k' })
    await handled.received(3)
    assert.deepEqual(handled.items, [
      ['first', false],
      ['old', true],
      ['last', false],
    ])
  })
})

describe('removing', () => {
  it('purge needs to be told what', async () => {
    const { records, letters } = await withLetters(['a', 'b', 'c'])
    for (const nothing of [undefined, {}, { all: false }]) {
      const error = await rejectsWith(letters.purge(nothing), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, /all is missing: give `all: true`/)
    }
    assert.equal(await letters.purge(records.items[0].message.id), 1)
    assert.equal(await letters.purge({ key: 'other' }), 0)
    assert.equal(await letters.purge({ all: true }), 2)
    assert.equal(await letters.count(), 0)
  })

  it('deadLetterRetentionMs: letters expire, unless they wait for their redrive', async () => {
    const { consumer, letters } = await withLetters(['a', 'b'], { config: { deadLetterRetentionMs: 3_600_000 } })
    await consumer.unsubscribe()
    const [{ messageId, deadAt, expiresAt }] = (await letters.list()).letters
    assert.equal(expiresAt - deadAt, 3_600_000)
    assert.equal(await letters.redrive(messageId), 1)
    const [pending] = (await letters.list({ redriving: true })).letters
    assert.deepEqual([pending.messageId, pending.expiresAt], [messageId, null])
    assert.equal(await letters.cancelRedrive(), 1)
    const [again] = (await letters.list()).letters
    assert.deepEqual([again.messageId, again.expiresAt], [messageId, expiresAt])

    const indexes = await test.db.collection('dead_letters').indexes()
    const { key, expireAfterSeconds } = indexes.find(({ name }) => name === 'letters_expiry')
    assert.deepEqual([key, expireAfterSeconds], [{ expiresAt: 1 }, 0])
    const dates = await test.db.collection('dead_letters').distinct('expiresAt', { topic: consumer.getTopic() })
    assert.ok(dates.every((date) => date instanceof Date) && dates.length > 0)
  })
})

describe('what is refused', () => {
  it('conditions without a value, unknown ones, and everything that is no filter', async () => {
    const { letters } = await withLetters(['a'])
    for (const [call, pattern] of [
      [() => letters.count({ partitoin: 0 }), /partitoin is unknown: give topic, partition, /],
      [() => letters.redrive({ messageId: undefined }), /messageId is null: give a value or leave it out/],
      [() => letters.redrive({ key: () => 'k' }), /key is null/],
      [() => letters.redrive({ messageId: [undefined] }), /messageId is \[null\]/],
      [() => letters.redrive(''), /messageId is ""/],
      [() => letters.redrive(null), /must be an object, got null/],
      [() => letters.redrive(['a']), /must be an object, got an array/],
      [() => letters.redrive(undefined), /must be an object, got undefined/],
      [() => letters.cancelRedrive(undefined), /must be an object, got undefined/],
      [() => letters.redrive(new Map([['key', 'a']])), /must be a plain object/],
      [() => letters.purge(new Date()), /must be a plain object/],
      [() => letters.redrive({}, { rate: 5 }), /rate is unknown/],
      [() => letters.redrive({}, { ratePerSecond: 0 }), /ratePerSecond is 0: give a number from 0.001 to 10000/],
      [() => letters.purge({ all: true, key: 'k' }), /all stands beside a condition/],
      [() => letters.purge({ topic: 'another-topic', all: undefined }), /topic is "another-topic": leave it out/],
      [() => letters.list({ limit: 0, after: 'x', order: 'best' }), /order is .*\n.*limit is .*\n.*after is /],
      [() => letters.list({ since: 'yesterday' }), /since is "yesterday": give a Date/],
      [() => broker.getDeadLetters(5).list(), /groupId is 5: give 1 to 200 bytes/],
      [() => broker.getDeadLetters().list(), /groupId is missing/],
    ]) {
      const error = await rejectsWith(call(), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, pattern)
    }
    assert.equal(await letters.count({ redriving: false }), 1)
  })

  it('a consumer or broker that is not connected', async () => {
    const { consumer, letters } = await withLetters(['a'])
    assert.strictEqual(consumer.deadLetters, letters)
    await consumer.disconnect()
    await rejectsWith(letters.list(), 'ERR_CSB_NOT_CONNECTED')
    const unconnected = new ChangeStreamBroker({ mongoUri: test.uri, database: test.database })
    await rejectsWith(unconnected.getDeadLetters('group').count(), 'ERR_CSB_NOT_CONNECTED')
  })
})

describe('the embedded store', () => {
  it('deletes a letter when its time has come', async () => {
    const embedded = new ChangeStreamBroker({ mongoUri: 'memory://expiring-letters', autoCreateTopics: true })
    await embedded.connect()
    const producer = await embedded.createProducer(producerConfig('t'))
    const consumer = await embedded.createConsumer(consumerConfig('t', 'g', { deadLetterRetentionMs: 1_000 }))
    const buried = new Inbox()
    consumer.on('deadLettered', (event) => buried.push(event))
    await consumer.subscribe({ handler: failing(new Inbox()).handler, maxRetries: 0 })
    await producer.send({ value: 1 })
    await buried.received(1)
    await gone(consumer.deadLetters)
    await embedded.disconnect()
  })

  it('does all of it, too', async () => {
    const embedded = new ChangeStreamBroker({ mongoUri: 'memory://dead-letters', autoCreateTopics: true })
    await embedded.connect()
    const producer = await embedded.createProducer(producerConfig('t'))
    const consumer = await embedded.createConsumer(consumerConfig('t', 'g'))
    const records = new Inbox()
    const { state, handler } = failing(records)
    await consumer.subscribe({ handler, maxRetries: 0 })
    await producer.send([{ value: 1 }, { value: 2 }])
    await eventually(async () => (await consumer.deadLetters.count()) === 2)
    state.failing = false
    const [letter] = (await consumer.deadLetters.list()).letters
    assert.equal(await consumer.deadLetters.purge(letter.messageId), 1)
    assert.equal(await consumer.deadLetters.redrive(), 1)
    await gone(consumer.deadLetters)
    assert.deepEqual([records.length, records.items[2].redriven], [3, true])
    await embedded.disconnect()
  })
})
