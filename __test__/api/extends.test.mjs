// Users extend ChangeStreamBroker, as NestJS services do, from code compiled to any target.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChangeStreamBroker, ChangeStreamBrokerError } from '../../index.js'
import { throwsWith } from '../support/assert_error.mjs'
import { Inbox } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('extends')
const brokerConfig = { mongoUri: test.uri, database: test.database, autoCreateTopics: true }

/** What TypeScript emits for `class Es5Service extends ChangeStreamBroker` with target ES5. */
function makeEs5Service(base) {
  function Es5Service(config) {
    const self = base.call(this, config) || this
    self.logger = 'mine'
    return self
  }
  Object.setPrototypeOf(Es5Service, base)
  function Constructor() {
    this.constructor = Es5Service
  }
  Constructor.prototype = base.prototype
  Es5Service.prototype = new Constructor()
  Es5Service.prototype.onModuleInit = function () {
    return this.connect()
  }
  Es5Service.prototype.onModuleDestroy = function () {
    return this.disconnect()
  }
  return Es5Service
}

class Es2022Service extends ChangeStreamBroker {
  // Names that the base class of 1.4.2 had as private fields.
  logger = { log() {} }
  config = 'mine'
  producers = ['mine']
  consumers
  topicManager
  offsetStorage
  consumerGroupManager
  native
  #secret = 42

  constructor(config, dependency) {
    super(config)
    this.dependency = dependency
  }

  get secret() {
    return this.#secret
  }

  onModuleInit() {
    return this.connect()
  }

  onModuleDestroy() {
    return this.disconnect()
  }
}

/** What NestJS' legacy decorators do with a class: metadata on it, sometimes a class around it. */
function decorated(target) {
  target.metadata = { injectable: true, paramtypes: [Object] }
  return class extends target {}
}

const DecoratedService = decorated(class DecoratedService extends Es2022Service {})

const services = { es5: makeEs5Service(ChangeStreamBroker), es2022: Es2022Service, decorated: DecoratedService }

describe('a subclass', () => {
  for (const [name, Service] of Object.entries(services)) {
    it(`${name}: works as the broker does, with fields of its own`, async () => {
      const service = new Service(brokerConfig, 'dependency')
      assert.ok(service instanceof Service && service instanceof ChangeStreamBroker)
      await service.onModuleInit()
      const topic = uniqueTopic()
      const producer = await service.createProducer(producerConfig(topic))
      const consumer = await service.createConsumer(consumerConfig(topic, 'group'))
      const inbox = new Inbox()
      await consumer.subscribe({ handler: async (record) => inbox.push(record.message.value) })
      await producer.send({ value: name })
      assert.deepEqual(await inbox.received(1), [name])
      await service.onModuleDestroy()
      assert.ok(service.logger)
    })
  }

  it('keeps its own fields untouched', () => {
    const service = new Es2022Service(brokerConfig, 'dependency')
    assert.deepEqual(
      [service.config, service.producers, service.secret, service.dependency],
      ['mine', ['mine'], 42, 'dependency'],
    )
  })

  it('may override and call super', async () => {
    const calls = []
    class Overriding extends ChangeStreamBroker {
      async connect() {
        calls.push('before')
        await super.connect()
        calls.push('after')
      }
    }
    const service = new Overriding(brokerConfig)
    await service.connect()
    await service.disconnect()
    assert.deepEqual(calls, ['before', 'after'])
  })

  it('may have members named as those for events: they are its own, and nothing inside needs the others', async () => {
    class Emitting extends ChangeStreamBroker {
      on = 'mine'
      emit = 'mine'
      once() {
        return 'mine'
      }
      heard(listener) {
        return super.on('connected', listener)
      }
    }
    const service = new Emitting(brokerConfig)
    const heard = new Inbox()
    assert.equal(
      service.heard((event) => heard.push(event)),
      service,
    )
    await service.connect()
    await heard.received(1)
    const topic = uniqueTopic()
    const producer = await service.createProducer(producerConfig(topic))
    const consumer = await service.createConsumer(consumerConfig(topic, 'group'))
    const inbox = new Inbox()
    consumer.on('committed', () => inbox.push('committed'))
    await consumer.subscribe({ handler: async () => inbox.push('handled') })
    await producer.send({ value: 1 })
    await inbox.first((event) => event === 'committed')
    await service.disconnect()
    assert.deepEqual([service.on, service.emit, service.once()], ['mine', 'mine', 'mine'])
  })

  it('that does not pass a configuration fails with a typed error', () => {
    class Forgetful extends ChangeStreamBroker {}
    throwsWith(() => new Forgetful(), 'ERR_CSB_INVALID_CONFIG')
    throwsWith(() => new services.es5(), 'ERR_CSB_INVALID_CONFIG')
  })

  it('a handler bound to the service keeps its this; an unbound one is called on the configuration', async () => {
    const service = new Es2022Service(brokerConfig)
    await service.connect()
    const topic = uniqueTopic()
    const producer = await service.createProducer(producerConfig(topic))
    const receivers = new Inbox()
    async function handler() {
      receivers.push(this)
    }
    const bound = await service.createConsumer(consumerConfig(topic, 'bound'))
    await bound.subscribe({ handler: handler.bind(service) })
    const config = { handler }
    const unbound = await service.createConsumer(consumerConfig(topic, 'unbound'))
    await unbound.subscribe(config)
    await producer.send({ value: 1 })
    await receivers.received(2)
    assert.ok(receivers.items.includes(service) && receivers.items.includes(config))
    await service.disconnect()
  })
})

describe('the broker itself', () => {
  it('has no own properties, and methods that are not enumerated', () => {
    const broker = new ChangeStreamBroker(brokerConfig)
    assert.deepEqual(Reflect.ownKeys(broker), [])
    const names = []
    for (const name in broker) names.push(name)
    assert.deepEqual(names, [])
    assert.equal(broker.constructor, ChangeStreamBroker)
    assert.equal(ChangeStreamBroker.name, 'ChangeStreamBroker')
  })

  it('shows neither URI nor password when it is printed', async () => {
    const { inspect } = await import('node:util')
    const broker = new ChangeStreamBroker({ ...brokerConfig, mongoUri: 'mongodb://root:hunter2@h/' })
    assert.doesNotMatch(inspect(broker, { depth: 9, showHidden: true }) + JSON.stringify(broker), /hunter2/)
  })

  it('cannot be called without new', () => {
    assert.throws(() => ChangeStreamBroker(brokerConfig), TypeError)
  })
})

describe('ChangeStreamBrokerError', () => {
  const fields = { code: 'ERR_CSB_TIMEOUT', kind: 'unavailable', retryable: true, effect: 'possible' }

  it('is recognised across copies of the package', async () => {
    const { Module } = await import('node:module')
    const { fileURLToPath } = await import('node:url')
    const file = fileURLToPath(new URL('../../lib/errors.js', import.meta.url))
    const require = Module.createRequire(import.meta.url)
    delete require.cache[file]
    const copy = require(file).ChangeStreamBrokerError
    assert.notEqual(copy, ChangeStreamBrokerError)
    assert.ok(new copy('from a copy', fields) instanceof ChangeStreamBrokerError)
    assert.ok(new ChangeStreamBrokerError('from here', fields) instanceof copy)
  })

  it('can be extended; other errors and values are none', () => {
    class Own extends ChangeStreamBrokerError {}
    const own = new Own('x', fields)
    assert.ok(own instanceof Own && own instanceof ChangeStreamBrokerError && own instanceof Error)
    assert.equal(new ChangeStreamBrokerError('x', fields) instanceof Own, false)
    for (const other of [new Error('x'), {}, null, undefined, 'x', () => {}]) {
      assert.equal(other instanceof ChangeStreamBrokerError, false)
    }
  })
})
