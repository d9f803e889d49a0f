// Lists what the workers gave up on, or has it delivered to them again:
//
//   dead_letters.js                       list, the oldest first
//   dead_letters.js redrive               deliver all of them again
//   dead_letters.js redrive GatewayDown   those with this error
import { connectBroker, PAYMENTS, WORKERS } from './broker.js'

const [command = 'list', errorName] = process.argv.slice(2)

const broker = await connectBroker()
const deadLetters = broker.getDeadLetters(WORKERS)
const filter = { topic: PAYMENTS.name, ...(errorName && { errorName }) }

if (command === 'list') {
  for await (const { messageId, message, attempts, errors } of deadLetters.iterate({ ...filter, order: 'oldest' })) {
    const { name, message: reason } = errors.at(-1)
    console.log(`${messageId}  ${message.key}  attempts: ${attempts}  ${name}: ${reason}`)
  }
  console.log(`${await deadLetters.count(filter)} dead letters`)
} else if (command === 'redrive') {
  // Slowly, so that what has just come back is not overrun.
  console.log(`${await deadLetters.redrive(filter, { ratePerSecond: 5 })} will be delivered again`)
} else {
  console.error('usage: dead_letters.js [list | redrive [error name]]')
  process.exitCode = 2
}

await broker.disconnect()
