// Sends one payment that succeeds, one in a currency that the gateway cannot charge, and one that is wrong.
import { randomUUID } from 'node:crypto'
import { connectBroker, PAYMENTS } from './broker.js'

const payments = [
  { customer: 'ana', amount: 20, currency: 'USD' },
  { customer: 'bruno', amount: 30, currency: 'EUR' },
  { customer: 'carla', amount: -5, currency: 'USD' },
]

const broker = await connectBroker()
const producer = await broker.createProducer({
  topic: PAYMENTS.name,
  partitions: PAYMENTS.partitions,
  retentionMs: PAYMENTS.retentionMs,
})
for (const payment of payments) {
  const messageId = randomUUID()
  await producer.send({ key: payment.customer, messageId, value: payment })
  console.log(`sent payment ${messageId} of ${payment.customer}: ${payment.amount} ${payment.currency}`)
}
await broker.disconnect()
