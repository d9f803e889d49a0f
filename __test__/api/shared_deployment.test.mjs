// Brokers of one process on the same database share one client and one change stream, and part from each other.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Inbox, passes } from '../support/eventually.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('shared')

/** What the server runs for the brokers of this name: change streams, and connections of any kind. */
async function onServer(appName) {
  const stages = [{ $currentOp: { allUsers: true, idleCursors: true, idleConnections: true } }]
  const operations = await test.client.db('admin').aggregate(stages).toArray()
  const connections = operations.filter((operation) => operation.appName === appName && operation.connectionId)
  // An idle cursor tells its namespace only; one may be seen twice, on its way from idle to busy.
  const isChangeStream = ({ ns, cursor }) =>
    ns?.startsWith(`${test.database}.`) && cursor?.originatingCommand?.pipeline?.[0]?.$changeStream !== undefined
  const changeStreams = operations.filter(isChangeStream).map(({ cursor }) => String(cursor.cursorId))
  return {
    changeStreams: new Set(changeStreams).size,
    connections: new Set(connections.map(({ connectionId }) => connectionId)).size,
  }
}

it('three brokers: one change stream, at most 8 connections, until the last one leaves', async () => {
  const appName = `shared-${process.pid}`
  const brokers = await Promise.all([1, 2, 3].map(() => test.broker({ appName })))
  const topic = uniqueTopic()
  const producer = await brokers[0].createProducer(producerConfig(topic, 4))
  const inboxes = []
  for (const [index, broker] of brokers.entries()) {
    const inbox = new Inbox()
    inboxes.push(inbox)
    const consumer = await broker.createConsumer(consumerConfig(topic, `group-${index}`))
    await consumer.subscribe({ handler: async ({ message }) => inbox.push(message.value) })
  }
  await producer.send([{ value: 'a' }, { value: 'b' }])
  for (const inbox of inboxes) assert.deepEqual([...(await inbox.received(2))].sort(), ['a', 'b'])
  const shared = await onServer(appName)
  await passes(async () => assert.equal((await onServer(appName)).changeStreams, 1))
  assert.ok(shared.connections <= 8, `${shared.connections} connections`)

  await brokers[0].disconnect()
  const last = await brokers[1].createProducer(producerConfig(topic, 4))
  await last.send({ value: 'c' })
  for (const inbox of inboxes.slice(1)) assert.ok((await inbox.received(3)).includes('c'))
  assert.equal(inboxes[0].length, 2)
  await Promise.all([brokers[1].disconnect(), brokers[2].disconnect()])
})
