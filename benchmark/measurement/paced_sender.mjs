// A process that sends at a steady rate, each message with the moment of its send:
//
//   node paced_sender.mjs '{"contender": "ours", "uri": …, "database": …, "topic": …, "rate": 200, "seconds": 5, "isBatch": false}'
//
// Says 'ready' and begins when it hears 'go'.
import { once } from 'node:events'
import { payload } from './messages.mjs'
import { monotonicMicroseconds } from './monotonic_clock.mjs'

const TICK_MS = 5
const { contender, rate, seconds, partitions = 1, isBatch, bytes = 300, ...place } = JSON.parse(process.argv[2])
const { sender } = await import(`../contenders/${contender}.mjs`)
const { send, close } = await sender({ ...place, partitions })
process.send('ready')
await once(process, 'message')

const total = rate * seconds
const began = performance.now()
const underWay = new Set()
let sent = 0

function track(sending) {
  underWay.add(sending)
  sending.finally(() => underWay.delete(sending))
}

function message() {
  const number = sent++
  return { key: `k${number % 1000}`, value: { ...payload(number, bytes), at: monotonicMicroseconds() } }
}

while (sent < total) {
  const due = Math.min(total, Math.ceil(((performance.now() - began) / 1000) * rate))
  if (isBatch && sent < due) track(send(Array.from({ length: due - sent }, message)))
  while (sent < due) track(send(message()))
  await new Promise((resolve) => setTimeout(resolve, TICK_MS))
}
await Promise.all(underWay)
await close()
process.exit(0)
