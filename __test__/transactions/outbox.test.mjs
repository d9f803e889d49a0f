// A business document and its message in one transaction, by a process that is killed at any step: the message exists if
// and only if the document does.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually, Inbox, inTime, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase } from '../support/test_database.mjs'

const test = testDatabase('outbox')
const PARTITIONS = 3
const KILLS = 12
const topic = 'orders'
const PROGRAM = fileURLToPath(new URL('./programs/outbox_service.mjs', import.meta.url))

describe('an outbox whose service is killed and aborts at random', () => {
  let broker
  before(async () => {
    broker = await test.broker({ logLevel: 'SILENT' })
    await broker.createProducer(producerConfig(topic, PARTITIONS))
    await test.db.createCollection('orders')
  })

  it('has a message for each order, and no other', async (t) => {
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
    const received = new Inbox()
    await consumer.subscribe({ handler: async ({ message }) => received.push(message.value.order) })
    const orders = test.db.collection('orders')
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await orders.countDocuments()
      const setting = { uri: test.uri, database: test.database, topic, partitions: PARTITIONS, prefix: `s${kill}` }
      const service = fork(PROGRAM, [JSON.stringify(setting)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      await inTime(once(service, 'message'), 60_000, 'starting a service')
      await eventually(async () => (await orders.countDocuments()) > before, { what: 'its first order' })
      // Later by a part of a millisecond each time: in the middle of another step.
      await delay(kill * 7.3)
      const ended = once(service, 'close')
      service.kill('SIGKILL')
      await ended
    }
    // What a killed process has left open is aborted by the server when its session is known to be gone, or after a minute.
    const storedMessages = async () => {
      const collections = Array.from({ length: PARTITIONS }, (_, n) => test.db.collection(`${topic}_p${n}`))
      const found = await Promise.all(collections.map((messages) => messages.distinct('order')))
      return found.flat().sort()
    }
    await passes(async () => {
      const ids = (await orders.distinct('_id')).sort()
      assert.deepEqual(await storedMessages(), ids)
      assert.deepEqual([...received.items].sort(), ids)
    })
    const count = await orders.countDocuments()
    t.diagnostic(`${count} orders, ${KILLS} kills`)
    assert.ok(count >= KILLS, 'each of them did something')
    assert.equal(await orders.countDocuments({ aborted: true }), 0)
  })
})
