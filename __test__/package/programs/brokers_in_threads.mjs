// A broker in the main thread and one in a worker, on one database; the worker is terminated while it is subscribed, and
// the main thread goes on. Arguments: connection string, database.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { ChangeStreamBroker } from '../../../index.js'

async function subscribed([mongoUri, database], groupId, handler) {
  const broker = new ChangeStreamBroker({ mongoUri, database, autoCreateTopics: true, logLevel: 'SILENT' })
  await broker.connect()
  const producer = await broker.createProducer({ topic: 'threads', partitions: 1, retentionMs: 3_600_000 })
  const consumer = await broker.createConsumer({ groupId, topic: 'threads' })
  await consumer.subscribe({ handler: async ({ message }) => handler(message.value) })
  return { broker, producer }
}

async function runWorker() {
  const { producer } = await subscribed(workerData, 'worker', (value) => parentPort.postMessage(`received ${value}`))
  parentPort.postMessage('subscribed')
  await once(parentPort, 'message')
  await producer.send({ value: 'from the worker' })
}

async function runMain() {
  const target = process.argv.slice(2)
  const values = []
  let next
  const received = async (value) => {
    while (!values.includes(value)) await new Promise((resolve) => (next = resolve))
  }
  const { broker, producer } = await subscribed(target, 'main', (value) => {
    values.push(value)
    next?.()
  })
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: target })
  const said = []
  worker.on('message', (text) => said.push(text))
  while (!said.includes('subscribed')) await once(worker, 'message')
  await producer.send({ value: 'from the main thread' })
  worker.postMessage('send')
  await received('from the worker')
  while (said.length < 3) await once(worker, 'message')
  await worker.terminate()
  await producer.send({ value: 'after the worker' })
  await received('after the worker')
  await broker.disconnect()
  console.log(JSON.stringify({ values, said }))
}

await (isMainThread ? runMain() : runWorker())
