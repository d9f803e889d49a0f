// The document's two NestJS services as real processes, installed from the packed project.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { MongoClient } from 'mongodb'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { installExamples } from './installed_examples.mjs'
import { buy, postPurchase, untilEnrolled } from './purchases.mjs'
import { ServiceProcess } from './service_process.mjs'

const isNodeTooOld = Number(process.versions.node.split('.')[0]) < 20
const INSTALL_DEADLINE_MS = 10 * 60 * 1000
const DEADLINE_MS = 120_000
const TOPIC = 'purchases.new-purchase'
const GROUP = 'classroom-service'

describe('NestJS services', { timeout: INSTALL_DEADLINE_MS, skip: isNodeTooOld && 'NestJS 12 needs Node 20' }, () => {
  const run = randomBytes(4).toString('hex')
  const database = `e2e_purchases_${run}`
  const classroom = `e2e_classroom_${run}`
  const running = new Set()
  let replicaSet, uri, client, folder, workingDirectory

  before(
    async () => {
      folder = await installExamples(['nestjs-producer', 'nestjs-consumer'], console.error)
      if (!process.env.MONGODB_BROKER_URI) replicaSet = await startReplicaSet()
      uri = process.env.MONGODB_BROKER_URI ?? replicaSet.uri
      client = await new MongoClient(uri).connect()
      workingDirectory = await mkdtemp(join(tmpdir(), 'csbroker-e2e-'))
      await writeFile(
        join(workingDirectory, '.env'),
        `# MongoDB\nMONGODB_BROKER_URI="${uri}"\nMONGODB_BROKER_DATABASE="${database}"\n`,
      )
    },
    { timeout: INSTALL_DEADLINE_MS },
  )

  afterEach(async () => {
    await Promise.all([...running].map((service) => service.stop('SIGKILL')))
    running.clear()
  })

  after(async () => {
    await Promise.all([database, classroom].map((name) => client?.db(name).dropDatabase()))
    await client?.close()
    await replicaSet?.stop()
    if (workingDirectory) await rm(workingDirectory, { recursive: true })
  })

  // The producer has its variables from .env, the consumer from the environment.
  const startProducer = () => start('nestjs-producer', workingDirectory, {})
  const startConsumer = () =>
    start('nestjs-consumer', tmpdir(), {
      MONGODB_BROKER_URI: uri,
      MONGODB_BROKER_DATABASE: database,
      CLASSROOM_DATABASE: classroom,
    })

  async function start(example, cwd, env) {
    const service = await ServiceProcess.start(join(folder, example), cwd, env)
    running.add(service)
    return service
  }

  async function stop(service, signal) {
    running.delete(service)
    return await service.stop(signal)
  }

  const enrolled = (customerId, productId, consumer, act) =>
    untilEnrolled(client.db(classroom).collection('enrollments'), customerId, productId, consumer, act)
  const list = async (consumer) => await (await fetch(new URL('/enrollments', consumer.url))).json()
  const storedMessages = () => client.db(database).collection(`${TOPIC}_p0`)

  it('a purchase in one becomes an enrollment in the other, whole', { timeout: DEADLINE_MS }, async () => {
    const [producer, consumer] = await Promise.all([startProducer(), startConsumer()])
    const before = Date.now()
    const purchase = await enrolled(
      'customer-1',
      'product-2',
      () => consumer,
      () => buy(producer, 'customer-1', 'product-2'),
    )

    const [{ enrolledAt, ...enrollment }, ...others] = await list(consumer)
    assert.deepEqual(others, [])
    assert.deepEqual(enrollment, {
      customerId: 'customer-1',
      productId: 'product-2',
      authUserId: 'auth-user-1',
      title: 'Event-driven Node.js',
      slug: 'event-driven-nodejs',
    })
    assert.ok(Date.parse(enrolledAt) >= before)

    const message = await storedMessages().findOne({ _key: purchase.id })
    assert.deepEqual(message._headers, { eventType: 'purchase.created', source: 'purchases-service' })
    assert.ok(message._timestamp instanceof Date)
    assert.ok(message._timestamp >= before && message._timestamp <= Date.now(), message._timestamp.toISOString())
    assert.equal(message._partition, 0)
    assert.deepEqual(payloadOf(message), {
      customer: { id: 'customer-1', authUserId: 'auth-user-1' },
      product: { id: 'product-2', title: 'Event-driven Node.js', slug: 'event-driven-nodejs' },
    })
    assert.equal(await storedMessages().countDocuments(), 1)
  })

  it('what the service refuses is not sent', { timeout: DEADLINE_MS }, async () => {
    const producer = await startProducer()
    const before = await storedMessages().countDocuments()
    assert.equal((await postPurchase(producer, { productId: 'product-1' })).status, 400)
    assert.equal((await postPurchase(producer, { productId: 'product-9', customerId: 'customer-1' })).status, 404)
    assert.equal(await storedMessages().countDocuments(), before)
  })

  it('both end by themselves after SIGTERM', { timeout: DEADLINE_MS }, async () => {
    const [producer, consumer] = await Promise.all([startProducer(), startConsumer()])
    await enrolled(
      'customer-2',
      'product-1',
      () => consumer,
      () => buy(producer, 'customer-2', 'product-1'),
    )
    for (const service of [producer, consumer]) {
      assert.deepEqual(await stop(service, 'SIGTERM'), { code: 0, signal: null }, service.log)
    }
    const offset = await client
      .db(database)
      .collection('consumer_offsets')
      .findOne({ groupId: GROUP, topic: TOPIC, partition: 0 })
    assert.ok(offset?.offset, 'the group has a committed offset')
  })

  for (const [signal, how] of [
    ['SIGTERM', 'stopped'],
    ['SIGKILL', 'killed'],
  ]) {
    it(`a purchase from while the consumer was ${how} arrives when it is back`, { timeout: DEADLINE_MS }, async () => {
      const producer = await startProducer()
      let consumer = await startConsumer()
      const missed = signal === 'SIGTERM' ? ['customer-1', 'product-1'] : ['customer-2', 'product-2']
      await stop(consumer, signal)
      const known = await client.db(classroom).collection('enrollments').countDocuments()
      await enrolled(
        ...missed,
        () => consumer,
        async () => {
          await buy(producer, ...missed)
          consumer = await startConsumer()
        },
      )
      assert.equal((await list(consumer)).length, known + 1)
    })
  }
})

function payloadOf(message) {
  return Object.fromEntries(Object.entries(message).filter(([field]) => !field.startsWith('_')))
}
