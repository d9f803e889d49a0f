// Charges payments until it is stopped. What fails is tried again, and in the end put aside.
import { alertOnDeadLetters } from './alert.js'
import { connectBroker, PAYMENTS, WORKERS } from './broker.js'
import { charge, InvalidPayment } from './payment_gateway.js'

const broker = await connectBroker()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => broker.disconnect())

const consumer = await broker.createConsumer({ groupId: WORKERS, topic: PAYMENTS.name, fromBeginning: true })
alertOnDeadLetters(consumer)
consumer.on('retried', ({ messageId, attempt, errorName, delayMs }) => {
  console.log(`attempt ${attempt} of payment ${messageId} failed: ${errorName}; next one in ${delayMs} ms`)
})

await consumer.subscribe({
  async handler({ message }, { signal }) {
    // A message may be delivered again after a crash: the gateway knows its id.
    await charge(message.value, { idempotencyKey: message.id, signal })
  },
  maxRetries: 3,
  retryDelay: 200,
  retryBackoff: 'exponential',
  maxRetryDelay: 5_000,
  // Straight to the dead letters: another attempt cannot help.
  retryIf: (error) => !(error instanceof InvalidPayment),
  // While a payment is tried again, those of other customers of its partition go on.
  concurrency: 10,
})
console.log('waiting for payments; Ctrl-C ends')
