// The example in plain JavaScript: real processes, installed from the packed project.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { passes } from '../support/eventually.mjs'
import { testDatabase } from '../support/test_database.mjs'
import { INSTALL_DEADLINE_MS, installedExample } from './installed_example.mjs'

const ORDER = /(?:sent|billed) order (\S+) of (\w+)/

describe('examples/plain-node', { timeout: INSTALL_DEADLINE_MS }, () => {
  const test = testDatabase('plain_node')
  const example = installedExample('plain-node')
  before(() => example.writeEnv({ MONGODB_BROKER_URI: test.uri, MONGODB_BROKER_DATABASE: test.database }))

  const ordersOf = (program) => program.matches(ORDER).map(([_, id, customer]) => ({ id, customer }))
  const idsOf = (orders) => orders.map(({ id }) => id).sort()

  async function startConsumer() {
    const consumer = await example.start('consumer')
    await consumer.printed(/^waiting for orders/)
    return consumer
  }

  async function untilBilled(orders, ...consumers) {
    await passes(() => assert.deepEqual(idsOf(consumers.flatMap(ordersOf)), idsOf(orders)))
  }

  it('bills each order once, whoever comes first, also after a restart', async () => {
    const missed = ordersOf(await example.run('producer', '5'))
    assert.equal(missed.length, 5)
    const first = await startConsumer()
    await untilBilled(missed, first)
    await example.stop(first, 'SIGINT')

    const second = await startConsumer()
    const sent = ordersOf(await example.run('producer', '9'))
    await untilBilled(sent, second)
    for (const customer of new Set(sent.map((order) => order.customer))) {
      const ofCustomer = (orders) => orders.filter((order) => order.customer === customer)
      assert.deepEqual(ofCustomer(ordersOf(second)), ofCustomer(sent), 'in the order of the sends')
    }
    await example.stop(second, 'SIGTERM')
  })

  it('bills each order once with two consumers', async () => {
    const consumers = await Promise.all([startConsumer(), startConsumer()])
    const sent = ordersOf(await example.run('producer', '30'))
    await untilBilled(sent, ...consumers)
    await Promise.all(consumers.map((consumer) => example.stop(consumer, 'SIGTERM')))
    await untilBilled(sent, ...consumers)
  })
})
