// One message out and in, with the oldest syntax that is supported. Arguments: connection string, database.
'use strict'

const { ChangeStreamBroker } = require('../..')

async function main([mongoUri, database]) {
  const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true })
  await broker.connect()
  const producer = await broker.createProducer({ topic: 'versions', partitions: 2, retentionMs: 60_000 })
  const consumer = await broker.createConsumer({ groupId: 'smoke', topic: 'versions' })
  let receive
  const received = new Promise((resolve) => {
    receive = resolve
  })
  await consumer.subscribe({ handler: async (record) => receive(record) })
  const sent = { text: 'olá', at: new Date(0), nested: [{ n: 1.5 }] }
  await producer.send({ key: 'k', value: sent, headers: { eventType: 'smoke' } })
  const record = await received
  await broker.disconnect()
  const same = JSON.stringify(record.message.value) === JSON.stringify(sent)
  if (!same || record.message.key !== 'k' || record.message.headers.eventType !== 'smoke') {
    throw new Error(`received ${JSON.stringify(record.message)}`)
  }
  console.log(`${process.version} ok`)
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
