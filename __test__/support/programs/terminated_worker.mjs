// A worker thread is subscribed, and its handler runs when the main thread terminates it; a second worker, and then the
// main thread itself, must find everything in order. Arguments: uri database topic.
import { once } from 'node:events'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { ChangeStreamBroker } from '../../../index.js'

async function subscribed([mongoUri, database, topic], handler) {
  const broker = new ChangeStreamBroker({
    mongoUri,
    database,
    autoCreateTopics: true,
    logLevel: 'DEBUG',
    logger: quiet,
  })
  await broker.connect()
  const producer = await broker.createProducer({ topic, partitions: 1, retentionMs: 3_600_000 })
  const consumer = await broker.createConsumer({ groupId: 'group', topic })
  await consumer.subscribe({ handler })
  return { broker, producer }
}

const quiet = { error() {}, warn() {}, info() {}, debug() {} }

async function runWorker() {
  const { producer } = await subscribed(workerData, async () => {
    parentPort.postMessage('handler runs')
    await new Promise(() => {})
  })
  await producer.send({ value: 'for the worker' })
}

async function runMain() {
  const target = process.argv.slice(2)
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: target })
    await once(worker, 'message')
    await worker.terminate()
  }
  let done
  const handled = new Promise((resolve) => {
    done = resolve
  })
  const { broker, producer } = await subscribed(target, async (record) => {
    if (record.message.value === 'last') done()
  })
  await producer.send({ value: 'last' })
  await handled
  await broker.disconnect()
  process.stdout.write(`${JSON.stringify({ event: 'done' })}\n`)
}

await (isMainThread ? runMain() : runWorker())
