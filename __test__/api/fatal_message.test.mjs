// A message that ends its process every time: real processes, started again as a supervisor does.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { runProgram } from '../support/run_program.mjs'
import { producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('fatal')
const earlier = Array.from({ length: 7 }, (_, n) => `before ${n}`)
const later = Array.from({ length: 13 }, (_, n) => `after ${n}`)

let broker
before(async () => {
  broker = await test.broker()
})

/** Starts the program until it ends well. The first attempt is not counted: it is not known then whose it was. */
async function supervise(how, topic, { maxRetries, concurrency }) {
  const starts = []
  const mostAttempts = Math.max(maxRetries + 1, 3) + 1
  const missing = new Set([...earlier, ...later])
  while (starts.length <= mostAttempts) {
    const numbers = [maxRetries, concurrency].map(String)
    const args = [how, test.uri, test.database, topic, ...numbers, JSON.stringify([...missing])]
    const run = await runProgram('fatal_message', { args })
    for (const { event, value } of run.lines) if (event === 'handled') missing.delete(value)
    starts.push(run)
    if (run.code === 0) break
  }
  const [last] = starts.slice(-1)
  assert.equal(last.code, 0, `${starts.length} starts:\n${last.stdout}${last.stderr}`)
  return starts
}

async function sent(topic) {
  const producer = await broker.createProducer(producerConfig(topic, 1))
  const message = (value) => ({ value, key: `${value}`.slice(-1) })
  await producer.send([...earlier, 'fatal', ...later].map(message))
}

describe('a message that ends its process', () => {
  for (const [how, options] of [
    ['exit', { maxRetries: 0, concurrency: 1 }],
    ['SIGKILL', { maxRetries: 3, concurrency: 1 }],
    ['abort', { maxRetries: 1, concurrency: 4 }],
    ['crash', { maxRetries: 2, concurrency: 1 }],
  ]) {
    it(`is given up, and no other: ${how}, ${JSON.stringify(options)}`, async () => {
      const topic = uniqueTopic()
      await sent(topic)
      const starts = await supervise(how, topic, options)
      const lines = starts.flatMap((run) => run.lines)
      const handled = new Set(lines.filter(({ event }) => event === 'handled').map(({ value }) => value))
      assert.deepEqual([...handled].sort(), [...earlier, ...later].sort())
      const letters = await test.db.collection('dead_letters').find({ topic }).toArray()
      assert.deepEqual(
        letters.map(({ message }) => message._value),
        ['fatal'],
      )
      assert.ok(letters[0].errors.every(({ name }) => name === 'ERR_CSB_HANDLER_INTERRUPTED'))
      const attempts = lines.filter(({ event }) => event === 'attempt').length
      assert.equal(attempts, starts.length - 1, 'each start but the last one was ended by it')
    })
  }
})
