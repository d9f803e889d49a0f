// The example with an outbox: a real NestJS service, installed from the packed project, and what is in the database.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { passes } from '../support/eventually.mjs'
import { testDatabase } from '../support/test_database.mjs'
import { INSTALL_DEADLINE_MS, installedExample } from './installed_example.mjs'

const [major, minor] = process.versions.node.split('.').map(Number)
const isNodeTooOld = major < 20 || (major === 20 && minor < 19)
const PARTITIONS = 3

const skip = isNodeTooOld && 'the MongoDB driver 7 needs Node 20.19'

describe('examples/mongoose-outbox', { timeout: INSTALL_DEADLINE_MS, skip }, () => {
  // First: the database's own hook closes the client.
  after(() => test.client.db(shop).dropDatabase())
  const test = testDatabase('outbox_events')
  const shop = `${test.database}_shop`
  const example = installedExample('mongoose-outbox')
  const orders = () => test.client.db(shop).collection('orders')
  let service

  before(async () => {
    await example.writeEnv({
      MONGODB_BROKER_URI: test.uri,
      MONGODB_BROKER_DATABASE: test.database,
      SHOP_DATABASE: shop,
    })
  })

  const post = (path, body) =>
    fetch(new URL(path, service.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const invoices = async () => await (await fetch(new URL('/invoices', service.url))).json()

  /** The messages about an order, whichever partition they are in. */
  async function messagesAbout(order) {
    const partitions = Array.from({ length: PARTITIONS }, (_, n) => test.db.collection(`orders_p${n}`))
    return (await Promise.all(partitions.map((messages) => messages.find({ _key: order }).toArray()))).flat()
  }

  for (const [variant, path] of [
    ['Mongoose', '/orders'],
    ['the driver', '/driver/orders'],
  ]) {
    it(`with ${variant} an order and its message are stored together, or neither`, async () => {
      service = await example.startService()
      const id = `order-by-${variant}`
      const created = await post(path, { id, product: 'book', total: 42 })
      assert.equal(created.status, 201, service.log)
      assert.deepEqual(await orders().findOne({ _id: id }), { _id: id, product: 'book', total: 42 })
      const messages = await messagesAbout(id)
      assert.deepEqual(
        messages.map(({ orderId, total }) => ({ orderId, total })),
        [{ orderId: id, total: 42 }],
      )

      // The message is written before the order is refused: only the end of the transaction takes it away again.
      const refused = await post(path, { id, product: 'pen', total: 1 })
      assert.equal(refused.status, 409, service.log)
      assert.equal((await orders().findOne({ _id: id })).product, 'book')
      assert.deepEqual(await messagesAbout(id), messages)

      await passes(async () => {
        const ofOrder = (await invoices()).filter(({ orderId }) => orderId === id)
        assert.deepEqual(ofOrder, [{ orderId: id, total: 42 }])
      })
      assert.equal(await test.db.collection('invoices_p0').countDocuments({ orderId: id }), 1)
      await example.stop(service, 'SIGTERM')
    })
  }
})
