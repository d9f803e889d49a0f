// The example with failing payments: real processes, installed from the packed project.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { Inbox, passes } from '../support/eventually.mjs'
import { testDatabase } from '../support/test_database.mjs'
import { INSTALL_DEADLINE_MS, installedExample } from './installed_example.mjs'

describe('examples/dead-letter-worker', { timeout: INSTALL_DEADLINE_MS }, () => {
  const test = testDatabase('dead_letter_worker')
  const example = installedExample('dead-letter-worker')
  const alerts = new Inbox()
  const webhook = createServer(async (request, response) => {
    alerts.push(await json(request))
    response.end()
  })
  before(() => once(webhook.listen(0, '127.0.0.1'), 'listening'))
  after(() => webhook.close())

  const writeEnv = (downCurrencies) =>
    example.writeEnv({
      MONGODB_BROKER_URI: test.uri,
      MONGODB_BROKER_DATABASE: test.database,
      DOWN_CURRENCIES: downCurrencies,
      ALERT_URL: `http://127.0.0.1:${webhook.address().port}/alerts`,
    })

  async function startWorker() {
    const worker = await example.start('worker')
    await worker.printed(/^waiting for payments/)
    return worker
  }

  /** Ids of the three payments by customer. */
  async function sendPayments() {
    const sender = await example.run('send')
    return Object.fromEntries(sender.matches(/^sent payment (\S+) of (\w+)/).map(([_, id, customer]) => [customer, id]))
  }

  const listed = async () =>
    (await example.run('dead-letters')).matches(/^(\S+) {2}(\w+) {2}attempts: (\d+) {2}(.*)$/).map((match) => ({
      id: match[1],
      customer: match[2],
      attempts: Number(match[3]),
      error: match[4],
    }))
  const byCustomer = (one, other) => one.customer.localeCompare(other.customer)
  const chargedBy = (worker) => worker.matches(/^charged payment (\S+):/).map(([_, id]) => id)

  it('retries, gives up, alerts, and charges after the repair', async () => {
    await writeEnv('EUR')
    const broken = await startWorker()
    const { ana, bruno, carla } = await sendPayments()
    assert.deepEqual(
      (await alerts.received(2)).toSorted((one, other) => one.attempts - other.attempts),
      [
        { topic: 'payments', messageId: carla, attempts: 1, errorName: 'InvalidPayment' },
        { topic: 'payments', messageId: bruno, attempts: 4, errorName: 'GatewayDown' },
      ],
    )
    await passes(() => assert.deepEqual(chargedBy(broken), [ana]))
    const pauses = broken
      .matches(/^attempt (\d) of payment (\S+) failed: GatewayDown; next one in (\d+) ms$/)
      .map(([_, attempt, id, delayMs]) => ({ id, attempt, isLong: Number(delayMs) >= 100 * 2 ** (attempt - 1) }))
    assert.deepEqual(
      pauses,
      ['1', '2', '3'].map((attempt) => ({ id: bruno, attempt, isLong: true })),
      broken.log,
    )
    assert.deepEqual((await listed()).sort(byCustomer), [
      { id: bruno, customer: 'bruno', attempts: 4, error: 'GatewayDown: no connection for EUR' },
      { id: carla, customer: 'carla', attempts: 1, error: 'InvalidPayment: the amount is -5' },
    ])
    await example.stop(broken, 'SIGTERM')

    await writeEnv('')
    const repaired = await startWorker()
    const redrive = await example.run('dead-letters', 'redrive', 'GatewayDown')
    assert.equal(redrive.matches(/^1 will be delivered again$/).length, 1, redrive.log)
    await repaired.printed(/^charged payment/)
    assert.deepEqual(chargedBy(repaired), [bruno])
    await passes(async () => assert.equal(await test.db.collection('dead_letters').countDocuments(), 1))
    assert.deepEqual(
      (await listed()).map(({ id }) => id),
      [carla],
    )
    await example.stop(repaired, 'SIGTERM')
    assert.equal(alerts.length, 2)
  })

  it('says how it is used', async () => {
    const program = await example.start('dead-letters', 'remove')
    assert.deepEqual(await program.end(), { code: 2, signal: null })
    assert.equal(program.matches(/^usage: dead_letters.js /).length, 1, program.log)
  })
})
