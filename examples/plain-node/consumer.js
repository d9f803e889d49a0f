// Bills orders until it is stopped. Start it twice: both share the partitions, and each order is billed once.
import { connectBroker, ORDERS } from './broker.js'

const broker = await connectBroker()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => broker.disconnect())

// A group that has never run begins with the oldest order that is stored; otherwise it goes on where it was.
const consumer = await broker.createConsumer({ groupId: 'billing', topic: ORDERS.name, fromBeginning: true })
await consumer.subscribe({
  async handler({ partition, message }) {
    const { id, customer, total } = message.value
    console.log(`billed order ${id} of ${customer}: ${total} (partition ${partition})`)
  },
  errorHandler(error, record) {
    console.error(`order ${record?.message.id ?? '(none)'}:`, error)
  },
})
console.log('waiting for orders; Ctrl-C ends')
