// A group that was served by one version goes on under the other where it stopped.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox } from '../support/eventually.mjs'
import { directProducer, ours } from '../support/peer.mjs'
import { runProgram } from '../support/run_program.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('compat_offsets')

async function sender(topic) {
  const producer = await directProducer(ours, producerConfig(topic), test)
  let next = 0
  return {
    send: () => producer.send({ key: 'k', value: { n: next++ }, timestamp: new Date() }),
    sent: () => next,
    stop: () => producer.disconnect(),
  }
}

async function receiveOurs(topic, count) {
  const broker = await test.broker()
  const inbox = new Inbox()
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group'))
  await consumer.subscribe({ handler: async (record) => inbox.push(record.message.value.n), autoCommit: true })
  return { items: await inbox.received(count), broker }
}

const runPeer = (topic, count) =>
  runProgram('peer_consumer', { args: [test.uri, test.database, topic, 'group', String(count), 'resume'] })

describe('offsets', () => {
  it('committed by ours, resumed by 1.4.2', async () => {
    const topic = uniqueTopic('ours-first')
    const { send, stop } = await sender(topic)
    await send()
    const broker = await test.broker()
    const inbox = new Inbox()
    const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { partitions: [0] }))
    await consumer.subscribe({ handler: async (record) => inbox.push(record.message.value.n) })
    for (let n = 0; n < 3; n++) await send()
    await inbox.received(3)
    await consumer.disconnect()
    for (let n = 0; n < 3; n++) await send()
    const { code, lines, stderr } = await runPeer(topic, 3)
    assert.equal(code, 0, stderr)
    assert.deepEqual(inbox.items, [1, 2, 3])
    assert.deepEqual(
      lines.map((line) => line.value.n),
      [4, 5, 6],
    )
    await stop()
  })

  it('committed by 1.4.2, resumed by ours', async () => {
    const topic = uniqueTopic('peer-first')
    const { send, sent, stop } = await sender(topic)
    await send()
    let running = true
    const peerRun = runPeer(topic, 3).finally(() => {
      running = false
    })
    // 1.4.2 does not say when its stream is open, so messages keep coming until it has enough.
    while (running) {
      await send()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const { code, lines, stderr } = await peerRun
    assert.equal(code, 0, stderr)
    const { offset } = await test.db.collection('consumer_offsets').findOne({ groupId: 'group', topic })
    const committed = lines.find((line) => line.token === offset._data)
    assert.ok(committed, 'the committed offset is that of a message which 1.4.2 handled')
    await send()
    const first = committed.value.n + 1
    const expected = Array.from({ length: sent() - first }, (_, n) => first + n)
    const { items } = await receiveOurs(topic, expected.length)
    assert.deepEqual(items, expected)
    await stop()
  })

  it('back and forth: each goes on where the other stopped', async () => {
    const topic = uniqueTopic('both')
    const { send, stop } = await sender(topic)
    const broker = await test.broker()
    const first = await broker.createConsumer(consumerConfig(topic, 'group', { partitions: [0] }))
    const received = new Inbox()
    await first.subscribe({ handler: async (record) => received.push(record.message.value.n) })
    await send()
    await received.received(1)
    await first.disconnect()
    for (let round = 0; round < 2; round++) {
      await send()
      const { lines, stderr } = await runPeer(topic, 1)
      assert.equal(lines.length, 1, stderr)
      received.push(lines[0].value.n)
      await send()
      const { items, broker: next } = await receiveOurs(topic, 1)
      await next.disconnect()
      for (const n of items) received.push(n)
    }
    assert.deepEqual(received.items, [0, 1, 2, 3, 4])
    await stop()
  })
})
