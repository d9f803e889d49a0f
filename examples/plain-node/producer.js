// Sends some orders and ends: node --env-file=.env producer.js [how many]
import { randomUUID } from 'node:crypto'
import { connectBroker, ORDERS } from './broker.js'

const CUSTOMERS = ['ana', 'bruno', 'carla']
const count = Number(process.argv[2] ?? 6)

const broker = await connectBroker()
const producer = await broker.createProducer({
  topic: ORDERS.name,
  partitions: ORDERS.partitions,
  retentionMs: ORDERS.retentionMs,
})

const orders = Array.from({ length: count }, (_, number) => ({
  id: randomUUID(),
  customer: CUSTOMERS[number % CUSTOMERS.length],
  total: 10 * (number + 1),
}))
await producer.send(
  orders.map((order) => ({
    key: order.customer, // the orders of one customer stay in order
    messageId: order.id, // to send an order again would not store it again
    value: order,
    headers: { eventType: 'order.created' },
  })),
)
for (const order of orders) console.log(`sent order ${order.id} of ${order.customer}`)

await broker.disconnect()
