// Where log entries go, in which form, and that logging can do no harm.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox } from '../support/eventually.mjs'
import { runProgram } from '../support/run_program.mjs'
import { consumerConfig, producerConfig, testDatabase, uniqueTopic } from '../support/test_database.mjs'

const test = testDatabase('logging')
const LINE = /^\[(ERROR|WARN|INFO|DEBUG)\] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[[^\]]+\]: .+/

const runLogging = (level, context = '') =>
  runProgram('log_lines', { args: [test.uri, test.database, uniqueTopic(`level-${level}`), level, context] })

describe('console', () => {
  for (const level of ['', 'SILENT']) {
    it(`level "${level}" prints nothing`, async () => {
      const { code, stdout, stderr } = await runLogging(level)
      assert.deepEqual([code, stdout, stderr], [0, '', ''])
    })
  }

  it('level INFO prints lines of the form [INFO] time [context]: message', async () => {
    const { code, stdout, stderr } = await runLogging('INFO', 'Purchase Service Broker')
    assert.equal(code, 0, stderr)
    const lines = stdout.trim().split('\n')
    assert.ok(lines.length > 0 && lines[0] !== '')
    for (const line of lines) assert.match(line, LINE)
    assert.ok(
      lines.every((line) => line.includes('[Purchase Service Broker]')),
      stdout,
    )
    assert.ok(!lines.some((line) => line.startsWith('[DEBUG]')))
  })

  it('without logContext the context is ChangeStreamBroker', async () => {
    const { stdout } = await runLogging('info')
    assert.match(stdout, /\[ChangeStreamBroker\]: /)
  })

  it('no level prints the URI or a payload', async () => {
    const { stdout, stderr } = await runLogging('DEBUG')
    assert.ok(stdout.length > 0)
    assert.doesNotMatch(stdout + stderr, /mongodb:\/\/|secret-payload/)
  })
})

/** Runs a consumer whose handler fails once, so that something is logged. */
async function brokerWithFailure(config) {
  const broker = await test.broker(config)
  const topic = uniqueTopic()
  const producer = await broker.createProducer(producerConfig(topic))
  const consumer = await broker.createConsumer(consumerConfig(topic, 'group', { enableOffsetMonitoring: true }))
  const handled = new Inbox()
  let failed = false
  await consumer.subscribe({
    handler: async (record) => {
      if (!failed) {
        failed = true
        throw new Error('first attempt')
      }
      handled.push(record)
    },
    errorHandler: () => {
      throw new Error('broken errorHandler')
    },
    retryDelay: 1,
  })
  await producer.send({ value: 1 })
  await handled.received(1)
  return { broker, consumer }
}

describe('the logger option', () => {
  it('{ error, warn, info, debug } gets message and context, on itself', async () => {
    const entries = new Inbox()
    const logger = { own: true }
    for (const method of ['error', 'warn', 'info', 'debug']) {
      logger[method] = function (message, context, ...rest) {
        entries.push({ method, message, context, rest, self: this })
      }
    }
    const { broker, consumer } = await brokerWithFailure({ logger, logLevel: 'INFO', logContext: 'Orders' })
    await entries.first((entry) => entry.method === 'error' && /broken errorHandler/.test(entry.message))
    consumer.startOffsetMonitoring()
    const monitoring = await entries.first((entry) => /Offset monitoring/.test(entry.message))
    assert.equal(monitoring.method, 'info')
    await broker.disconnect()
    await entries.first((entry) => entry.method === 'info' && /disconnected/.test(entry.message))
    for (const { method, message, context, rest, self } of entries.items) {
      assert.notEqual(method, 'debug', 'INFO lets no DEBUG through')
      assert.equal(typeof message, 'string')
      assert.deepEqual([context, rest], ['Orders', []])
      assert.strictEqual(self, logger)
    }
  })

  it("NestJS' LoggerService: log stands for info", async () => {
    const entries = new Inbox()
    class NestLogger {
      log(message, context) {
        entries.push({ method: 'log', message, context })
      }
      error(message, context) {
        entries.push({ method: 'error', message, context })
      }
      warn(message, context) {
        entries.push({ method: 'warn', message, context })
      }
    }
    const { broker } = await brokerWithFailure({ logger: new NestLogger(), logLevel: 'DEBUG' })
    await broker.disconnect()
    await entries.first((entry) => entry.method === 'log' && entry.context === 'ChangeStreamBroker')
    await entries.first((entry) => entry.method === 'error' && /broken errorHandler/.test(entry.message))
  })

  it('level ERROR lets no INFO through', async () => {
    const entries = new Inbox()
    const logger = { error: (message) => entries.push(message), warn: assert.fail, info: assert.fail }
    const { broker } = await brokerWithFailure({ logger, logLevel: 'ERROR' })
    await entries.first((message) => /broken errorHandler/.test(message))
    await broker.disconnect()
  })

  for (const [how, thrower] of [
    [
      'throws',
      () => {
        throw new Error('broken logger')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken logger'))],
  ]) {
    it(`a logger that ${how} stops nothing`, async (t) => {
      const printed = new Inbox()
      t.mock.method(console, 'error', (line) => printed.push(line))
      const logger = { error: thrower, warn: thrower, info: thrower, debug: thrower }
      const { broker } = await brokerWithFailure({ logger, logLevel: 'DEBUG' })
      await broker.disconnect()
      await printed.first((line) => /broken logger/.test(line))
    })
  }
})
