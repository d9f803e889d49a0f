// Consumers of one group share the partitions; what users see of it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { before, describe, it } from 'node:test'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { rejectsWith } from '../support/assert_error.mjs'
import { Inbox, passes, signal } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('groups')
const atOnce = { rebalanceDelayMs: 0 }
const program = fileURLToPath(new URL('../support/programs/group_member.mjs', import.meta.url))

let broker
before(async () => {
  broker = await test.broker()
})

async function member(topic, inbox, more = {}, handlers = {}) {
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { ...atOnce, ...more }))
  await consumer.subscribe({ handler: (record) => inbox.push(record.message.value), ...handlers })
  return consumer
}

/** Members of the group by the partitions that they own, as it is stored. */
async function loads(topic) {
  const owned = await test.db
    .collection('consumer_offsets')
    .find({ topic, owner: { $type: 'string' } })
    .toArray()
  const counts = new Map()
  for (const { owner } of owned) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return Array.from(counts.values()).sort()
}

/** A member in a process of its own, which ends with the test. */
function memberProcess(t, topic, config = {}) {
  const args = [program, test.uri, test.database, topic, JSON.stringify(config)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const said = new Inbox()
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line)))
  return { child, said, tell: (word) => child.stdin.write(`${word}\n`) }
}

describe('consumers of one group', () => {
  it('share the partitions, and each message is handled once', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 4))
    const inbox = new Inbox()
    const members = [await member(topic, inbox), await member(topic, inbox), await member(topic, inbox)]
    await passes(async () => assert.deepEqual(await loads(topic), [1, 1, 2]))
    await producer.send(Array.from({ length: 200 }, (_, value) => ({ value })))
    await inbox.received(200)
    await members[0].disconnect()
    await members[1].disconnect()
    await producer.send(Array.from({ length: 100 }, (_, n) => ({ value: 200 + n })))
    const values = await inbox.received(300)
    assert.deepEqual(
      values.toSorted((a, b) => a - b),
      Array.from({ length: 300 }, (_, value) => value),
    )
    assert.deepEqual(await loads(topic), [4])
    await members[2].disconnect()
    assert.equal(await test.db.collection('consumer_members').countDocuments({ topic }), 0)
  })

  it('hear of their partitions, and may wait before they begin and before they let go', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2))
    const calls = []
    const [mayBegin, mayEnd] = [signal(), signal()]
    const hooks = {
      onAssigned: async (assigned) => {
        calls.push(['assigned', assigned])
        await mayBegin.fired
      },
      onRevoked: async (revoked) => {
        calls.push(['revoked', revoked])
        await mayEnd.fired
      },
    }
    const inbox = new Inbox()
    const consumer = await member(topic, inbox, {}, hooks)
    await producer.send({ value: 'first' })
    await passes(() => assert.deepEqual(calls, [['assigned', { partitions: [0, 1] }]]))
    assert.equal(inbox.length, 0)
    mayBegin.fire()
    await inbox.received(1)
    const other = await member(topic, new Inbox())
    await passes(() => assert.equal(calls.length, 2))
    const [name, { partitions, reason }] = calls[1]
    assert.deepEqual([name, partitions.length, reason], ['revoked', 1, 'rebalanced'])
    assert.deepEqual(await loads(topic), [2], 'it is still the first one`s')
    mayEnd.fire()
    await passes(async () => assert.deepEqual(await loads(topic), [1, 1]))
    await Promise.all([consumer.disconnect(), other.disconnect()])
  })

  it('go on when a hook fails, and say so', async () => {
    const topic = uniqueTopic()
    const lines = []
    const logger = { error: (text) => lines.push(text), warn() {}, info() {} }
    const logging = await test.broker({ logger, logLevel: 'ERROR' })
    const producer = await broker.createProducer(producerConfig(topic, 1))
    const inbox = new Inbox()
    const consumer = await logging.createConsumer(consumerConfig(topic, 'group'))
    const fail = () => {
      throw new Error('not today')
    }
    await consumer.subscribe({
      handler: (record) => inbox.push(record.message.value),
      onAssigned: fail,
      onRevoked: fail,
    })
    await producer.send({ value: 1 })
    await inbox.received(1)
    await consumer.unsubscribe()
    await passes(() => {
      for (const name of ['onAssigned', 'onRevoked']) {
        assert.ok(
          lines.some((line) => line.includes(name) && line.includes('not today')),
          `${name}: ${lines}`,
        )
      }
    })
  })

  it('may read fixed partitions, or everything in each instance', async () => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2))
    const [auto, manual, everything] = [new Inbox(), new Inbox(), new Inbox()]
    await member(topic, auto)
    const fixed = await broker.createConsumer(consumerConfig(topic, 'group', { assignment: 'manual', partitions: [1] }))
    await fixed.subscribe({ handler: (record) => manual.push(record.partition) })
    await member(topic, everything, { groupMode: 'broadcast', instanceId: 'pod-0' })
    await passes(async () => assert.deepEqual(await loads(topic), [1, 1, 2]))
    await producer.send(Array.from({ length: 20 }, (_, value) => ({ value })))
    await everything.received(20)
    await passes(() => assert.equal(auto.length + manual.length, 20))
    assert.ok(manual.items.every((partition) => partition === 1))
  })

  it('with one instanceId are one: the older one ends with an error', async () => {
    const topic = uniqueTopic()
    await broker.createProducer(producerConfig(topic, 1))
    const quick = await test.broker({ heartbeatIntervalMs: 500 })
    const errors = new Inbox()
    const instance = async (errorHandler) => {
      const consumer = await quick.createConsumer(consumerConfig(topic, 'group', { instanceId: 'pod-0' }))
      await consumer.subscribe({ handler: () => {}, errorHandler })
      return consumer
    }
    const older = await instance((error) => errors.push(error))
    const newer = await instance(assert.fail)
    const [error] = await errors.received(1)
    assert.deepEqual([error.code, error.kind, error.topic], ['ERR_CSB_INSTANCE_REPLACED', 'conflict', topic])
    assert.deepEqual([older.isSubscribed(), newer.isSubscribed()], [false, true])
  })

  it('refuse a configuration that does not fit', async () => {
    const topic = uniqueTopic()
    const bad = [
      [{ sessionTimeoutMs: 5999 }, /sessionTimeoutMs is 5999: give/],
      [{ sessionTimeoutMs: 6000 }, /sessionTimeoutMs is 6000, less than three times/],
      [{ assignment: 'manual' }, /partitions is missing/],
      [{ assignment: 'eager' }, /assignment is "eager": give one of "auto", "manual"/],
      [{ groupMode: 'all' }, /groupMode is "all": give one of "shared", "broadcast"/],
      [{ instanceId: '' }, /instanceId is ""/],
      [{ rebalanceDelayMs: -1 }, /rebalanceDelayMs is -1/],
      [{ handoverTimeoutMs: 99 }, /handoverTimeoutMs is 99/],
    ]
    for (const [more, text] of bad) {
      const created = broker.createConsumer(consumerConfig(topic, 'group', more))
      assert.match((await rejectsWith(created, 'ERR_CSB_INVALID_CONFIG')).message, text)
    }
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { partitions: [0] }))
    const subscribed = consumer.subscribe({ handler() {}, onRevoked: 'later' })
    assert.match((await rejectsWith(subscribed, 'ERR_CSB_INVALID_CONFIG')).message, /onRevoked must be a function/)
  })
})

describe('a member whose event loop is blocked for two sessions', () => {
  it('keeps its partitions', async (t) => {
    const topic = uniqueTopic()
    const producer = await broker.createProducer(producerConfig(topic, 2))
    const blocked = memberProcess(t, topic)
    await blocked.said.first(({ event }) => event === 'subscribed')
    const other = memberProcess(t, topic)
    await passes(async () => assert.deepEqual(await loads(topic), [1, 1]))
    blocked.tell('block 12000')
    await producer.send(Array.from({ length: 20 }, (_, value) => ({ value })))
    await blocked.said.first(({ event }) => event === 'unblocked')
    assert.deepEqual(await loads(topic), [1, 1])
    const values = () => [blocked, other].flatMap(({ said }) => said.items.filter(({ event }) => event === 'handled'))
    await passes(() => assert.equal(values().length, 20))
    for (const { said } of [blocked, other]) {
      assert.ok(!said.items.some(({ event, reason }) => event === 'revoked' && reason === 'leaseLost'))
    }
    for (const { said, tell } of [blocked, other]) {
      tell('close')
      await said.first(({ event }) => event === 'closed')
    }
  })
})
