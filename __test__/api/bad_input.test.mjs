// Every kind of bad input is refused at once with a typed error, and the process goes on.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { ChangeStreamBroker } from '../../index.js'
import { rejectsWith, throwsWith } from '../support/assert_error.mjs'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('bad_input')
const shortSelection = (uri) => `${uri}${uri.includes('?') ? '&' : '/?'}serverSelectionTimeoutMS=1500`

async function connectTo(mongoUri) {
  const broker = new ChangeStreamBroker({ mongoUri, database: test.database })
  try {
    await broker.connect()
  } finally {
    await broker.disconnect()
  }
}

describe('broker configuration', () => {
  for (const mongoUri of [undefined, null, '', 'localhost:27017', 'http://localhost', 5, {}, []]) {
    it(`mongoUri ${JSON.stringify(mongoUri)}`, () => {
      const error = throwsWith(() => new ChangeStreamBroker({ mongoUri }), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, /mongoUri/)
    })
  }

  for (const mongoUri of [
    'mongodb://',
    'mongodb://host:notaport',
    'mongodb://u:secret@h/?w=-5',
    'mongodb://%zz@host',
  ]) {
    it(`malformed ${mongoUri}`, async () => {
      const error = await rejectsWith((async () => connectTo(mongoUri))(), 'ERR_CSB_INVALID_CONFIG')
      assert.doesNotMatch(`${error.message} ${error.stack} ${error.cause}`, /secret/)
    })
  }

  for (const config of [undefined, null, 'mongodb://h', 5, [], () => {}]) {
    it(`${String(config) || '[]'} instead of an object`, () => {
      throwsWith(() => new ChangeStreamBroker(config), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  for (const field of [
    { database: 'a.b' },
    { database: '' },
    { logLevel: 'LOUD' },
    { logger: {} },
    { logger: 'console' },
  ]) {
    it(JSON.stringify(field), () => {
      const error = throwsWith(() => new ChangeStreamBroker({ mongoUri: test.uri, ...field }), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, new RegExp(Object.keys(field)[0]))
    })
  }

  it('every bad field is named at once', () => {
    const bad = { mongoUri: undefined, database: 'a b', maxRetries: -1 }
    const { message } = throwsWith(() => new ChangeStreamBroker(bad), 'ERR_CSB_INVALID_CONFIG')
    for (const field of Object.keys(bad)) assert.match(message, new RegExp(field))
  })
})

describe('servers that cannot be used', () => {
  it('unreachable: rejects within serverSelectionTimeoutMS', async () => {
    const start = performance.now()
    const error = await rejectsWith(
      connectTo(shortSelection('mongodb://root:hunter2@127.0.0.1:9')),
      'ERR_CSB_UNAVAILABLE',
    )
    assert.ok(performance.now() - start < 20_000, 'it took the 30 seconds of the driver')
    assert.equal(error.retryable, true)
    assert.doesNotMatch(`${error.message} ${error.stack} ${error.cause}`, /hunter2/)
  })

  it('calls before connect()', async () => {
    const broker = new ChangeStreamBroker({ mongoUri: test.uri, database: test.database })
    await rejectsWith(broker.createTopic({ name: 'x', partitions: 1, retentionMs: 1000 }), 'ERR_CSB_NOT_CONNECTED')
    await rejectsWith(broker.createProducer(producerConfig('x')), 'ERR_CSB_NOT_CONNECTED')
    await rejectsWith(broker.createConsumer(consumerConfig('x', 'g')), 'ERR_CSB_NOT_CONNECTED')
  })
})

describe('topics, producers and consumers', () => {
  let broker
  before(async () => {
    broker = await test.broker()
  })

  for (const partitions of [0, -1, 1.5, NaN, Infinity, 1025, 1e12, '3', null, undefined]) {
    it(`partitions ${String(partitions)}`, async () => {
      const topic = uniqueTopic()
      const config = { name: topic, collection: topic, partitions, retentionMs: 60_000 }
      const error = await rejectsWith(broker.createTopic(config), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, /partitions/)
      await rejectsWith(broker.createProducer({ ...producerConfig(topic), partitions }), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  for (const topic of [
    '',
    'a$b',
    'a..b',
    'a\0b',
    'system.x',
    '.a',
    'a.',
    'topics',
    'x'.repeat(200),
    5,
    null,
    undefined,
  ]) {
    it(`topic ${JSON.stringify(topic)}`.slice(0, 40), async () => {
      await rejectsWith(broker.createProducer(producerConfig(topic)), 'ERR_CSB_INVALID_CONFIG')
      await rejectsWith(broker.createConsumer(consumerConfig(topic, 'group')), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  it('unknown strategy', async () => {
    const config = producerConfig(uniqueTopic(), 1, { partitionStrategy: 'random' })
    const error = await rejectsWith(broker.createProducer(config), 'ERR_CSB_INVALID_CONFIG')
    assert.match(error.message, /partitionStrategy/)
  })

  for (const groupId of ['', undefined, 7, 'x'.repeat(201)]) {
    it(`groupId ${JSON.stringify(groupId)}`.slice(0, 40), async () => {
      await rejectsWith(broker.createConsumer(consumerConfig(uniqueTopic(), groupId)), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  for (const partitions of [[], [-1], [0.5], [0, 0], 'all', [1024]]) {
    it(`consumer partitions ${JSON.stringify(partitions)}`, async () => {
      const config = consumerConfig(uniqueTopic(), 'group', { partitions })
      await rejectsWith(broker.createConsumer(config), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  for (const deadLetterRetentionMs of [0, 999, -1, 2_147_483_641_001, 1000.5, 'a day']) {
    it(`consumer deadLetterRetentionMs ${JSON.stringify(deadLetterRetentionMs)}`, async () => {
      const config = consumerConfig(uniqueTopic(), 'group', { deadLetterRetentionMs })
      const error = await rejectsWith(broker.createConsumer(config), 'ERR_CSB_INVALID_CONFIG')
      assert.match(error.message, /deadLetterRetentionMs is /)
    })
  }

  it('a configuration that is no object, or cyclic', async () => {
    const cyclic = producerConfig(uniqueTopic())
    cyclic.self = cyclic
    for (const config of [undefined, null, 'topic', [], cyclic]) {
      await rejectsWith(broker.createProducer(config), 'ERR_CSB_INVALID_CONFIG')
    }
  })

  it('fewer partitions than the topic has', async () => {
    const topic = uniqueTopic()
    await broker.createProducer(producerConfig(topic, 3))
    await rejectsWith(broker.createProducer(producerConfig(topic, 2)), 'ERR_CSB_TOPIC_MISMATCH')
  })
})

describe('subscribe', () => {
  let broker
  let topic
  const handler = async () => {}
  before(async () => {
    broker = await test.broker()
    topic = uniqueTopic()
    await broker.createProducer(producerConfig(topic, 2))
  })
  const consumer = (more) => broker.createConsumer(consumerConfig(topic, 'group', more))

  for (const config of [undefined, null, {}, { handler: null }, { handler: 'name' }, 5, handler]) {
    it(`without a handler: ${typeof config} ${JSON.stringify(config)}`, async () => {
      await rejectsWith((await consumer()).subscribe(config), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  for (const more of [
    { errorHandler: 'x' },
    { maxRetries: -1 },
    { maxRetries: '3' },
    { retryDelay: NaN },
    { autoCommit: 1 },
  ]) {
    it(`with ${JSON.stringify(more)}`, async () => {
      await rejectsWith((await consumer()).subscribe({ handler, ...more }), 'ERR_CSB_INVALID_CONFIG')
    })
  }

  it('twice', async () => {
    const subscribed = await consumer()
    await subscribed.subscribe({ handler })
    await rejectsWith(subscribed.subscribe({ handler }), 'ERR_CSB_ALREADY_SUBSCRIBED')
    assert.equal(subscribed.isSubscribed(), true)
    await subscribed.unsubscribe()
  })

  it('after disconnect()', async () => {
    const gone = await consumer()
    await gone.disconnect()
    const error = await rejectsWith(gone.subscribe({ handler }), 'ERR_CSB_NOT_CONNECTED')
    assert.match(error.message, /^Consumer not connected/)
  })

  it('a partition that the topic does not have', async () => {
    const error = await rejectsWith(
      (await consumer({ partitions: [0, 2] })).subscribe({ handler }),
      'ERR_CSB_PARTITION_NOT_FOUND',
    )
    assert.deepEqual([error.topic, error.partition], [topic, 2])
  })

  it('a topic that does not exist', async () => {
    const unknown = await broker.createConsumer(consumerConfig(uniqueTopic(), 'group'))
    await rejectsWith(unknown.subscribe({ handler }), 'ERR_CSB_TOPIC_NOT_FOUND')
  })

  for (const thrown of [undefined, null, 'text', 42, { not: 'an error' }]) {
    it(`a handler that throws ${JSON.stringify(thrown)}`, async () => {
      const throwing = await broker.createConsumer(consumerConfig(topic, `throws-${JSON.stringify(thrown)}`))
      const errors = new Inbox()
      const handled = new Inbox()
      await throwing.subscribe({
        handler: (record) => {
          if (record.message.value === 'throw') throw thrown
          handled.push(record)
        },
        errorHandler: (error) => errors.push(error),
        maxRetries: 0,
      })
      const producer = await broker.createProducer(producerConfig(topic, 2))
      await producer.send([
        { key: 'same', value: 'throw' },
        { key: 'same', value: 'next' },
      ])
      await Promise.all([errors.received(1), handled.received(1)])
      const [error] = errors.items
      assert.equal(error.code, 'ERR_CSB_HANDLER_FAILED')
      assert.equal(error.kind, 'handler')
      assert.strictEqual(error.cause, thrown)
      await throwing.disconnect()
    })
  }
})
