// One message out and in, by the client that `csbroker init` and `generate` made.
const { ChangeStreamBroker } = require('@dafaz/change-stream-broker')
const { brokerConfig, purchasesConsumerConfig, purchasesProducerConfig } = require('@dafaz/change-stream-broker/client')

const sent = {
  customer: { id: 'c-1', authUserId: 'u-1' },
  product: { id: 'p-1', title: 'Straße, 東京', slug: 'p' },
}

async function main() {
  const broker = new ChangeStreamBroker(brokerConfig)
  await broker.connect()
  const producer = await broker.createProducer(purchasesProducerConfig)
  const consumer = await broker.createConsumer(purchasesConsumerConfig)
  let receive
  const received = new Promise((resolve) => {
    receive = resolve
  })
  await consumer.subscribe({ handler: async ({ message }) => receive(message) })
  await producer.send({ key: sent.customer.id, value: sent, headers: { eventType: 'purchase.created' } })
  const { key, value } = await received
  await broker.disconnect()
  const got = JSON.stringify([key, value])
  if (got !== JSON.stringify([sent.customer.id, sent])) throw new Error(`received ${got}`)
  console.log(`sent and received on ${process.platform} ${process.arch}, Node.js ${process.versions.node}`)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
