// Money is moved between accounts by a transactional handler, while its members are killed, frozen and replaced, and
// primaries step down: the sums are exact, each effect is there once.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import { ChangeStreamBroker } from '../../index.js'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { eventually, inTime } from '../support/eventually.mjs'

const MESSAGES = 20_000
const ACCOUNTS = 40
const PARTITIONS = 6
const FAULT_EVERY_MS = 2_500
const PROGRAM = fileURLToPath(new URL('./programs/transfer_member.mjs', import.meta.url))

const setting = { database: 'bank', topic: 'transfers', groupId: 'bank' }

class BankMember {
  constructor(setting) {
    this.setting = setting
  }

  async start() {
    this.process = fork(PROGRAM, [JSON.stringify(this.setting)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.ended = once(this.process, 'close')
    const early = this.ended.then(([code]) => Promise.reject(new Error(`a member ended with ${code}`)))
    early.catch(() => {}) // later it is killed
    await inTime(Promise.race([once(this.process, 'message'), early]), 60_000, 'starting a member')
  }

  async kill() {
    this.process.kill('SIGKILL')
    await this.ended
  }

  async replace() {
    await this.kill()
    await this.start()
  }

  /** For longer than its session. */
  async freeze() {
    this.process.kill('SIGSTOP')
    await delay(8_000)
    this.process.kill('SIGCONT')
  }

  async leave() {
    // One that could not start, as beside an election, has nothing to leave.
    if (this.process.connected) this.process.send('leave')
    await inTime(this.ended, 60_000, 'leaving')
  }
}

/** The same sequence in every run. */
function seeded(seed) {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

function makeTransfers() {
  const random = seeded(7)
  return Array.from({ length: MESSAGES }, (_, n) => {
    const from = random(ACCOUNTS)
    const to = (from + 1 + random(ACCOUNTS - 1)) % ACCOUNTS
    return { n, from, to, amount: 1 + random(100) }
  })
}

describe('transfers by a transactional handler under faults', () => {
  let set
  let client
  let members = []
  before(async () => {
    set = await startReplicaSet({ members: 3 })
    client = await MongoClient.connect(set.uri, { serverSelectionTimeoutMS: 60_000 })
  })
  after(async () => {
    for (const member of members) member.process?.kill('SIGKILL')
    await client?.close()
    await set?.stop()
  })

  it(`add up after ${MESSAGES} messages`, async (t) => {
    const db = client.db(setting.database)
    await db.createCollection('transfers')
    await db
      .collection('accounts')
      .insertMany(Array.from({ length: ACCOUNTS }, (_, account) => ({ _id: account, balance: 0 })))
    const orders = makeTransfers()
    const broker = new ChangeStreamBroker({
      mongoUri: set.uri,
      database: setting.database,
      autoCreateTopics: true,
      logLevel: 'SILENT',
    })
    await broker.connect()
    const producer = await broker.createProducer({
      topic: setting.topic,
      partitions: PARTITIONS,
      retentionMs: 3_600_000,
    })
    members = [false, true, true].map((batch) => new BankMember({ ...setting, uri: set.uri, batch }))
    await Promise.all(members.map((member) => member.start()))
    const sending = sendAll(producer, orders)

    const book = db.collection('transfers')
    const handled = async () => {
      const [found] = await book.aggregate([{ $group: { _id: '$n' } }, { $count: 'count' }]).toArray()
      return found?.count === MESSAGES
    }
    const faults = injectFaults({ members, client, isOver: handled })
    await sending
    await eventually(() => handled().catch(() => false), { within: 400_000, what: 'the last transfer' })
    t.diagnostic(`faults: ${await faults}`)
    await Promise.all(members.map((member) => member.leave()))
    await broker.disconnect()

    const expected = Array.from({ length: ACCOUNTS }, () => 0)
    for (const { from, to, amount } of orders) {
      expected[from] -= amount
      expected[to] += amount
    }
    const accounts = await db.collection('accounts').find().sort({ _id: 1 }).toArray()
    assert.deepEqual(
      accounts.map(({ balance }) => balance),
      expected,
    )
    assert.equal(await book.countDocuments(), MESSAGES, 'each once')
    assert.equal(await db.collection('dead_letters').countDocuments(), 0)
  })
})

async function sendAll(producer, orders) {
  for (let start = 0; start < orders.length; start += 500) {
    const part = orders.slice(start, start + 500)
    await producer.send(part.map((order) => ({ key: `account-${order.from}`, value: order, messageId: `${order.n}` })))
  }
}

/** One after the other, until it is over. Resolves to how many there were of each. */
async function injectFaults({ members, client, isOver }) {
  const random = seeded(11)
  const counts = { killed: 0, frozen: 0, replaced: 0, steppedDown: 0, failed: [] }
  const faults = [
    async (member) => {
      await member.replace()
      counts.killed += 1
    },
    async (member) => {
      await member.freeze()
      counts.frozen += 1
    },
    async (member) => {
      await member.leave()
      await member.start()
      counts.replaced += 1
    },
    async () => {
      // A set without a primary cannot step down.
      const stepDown = client.db('admin').command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 5, force: true })
      counts.steppedDown += await stepDown.then(() => 1).catch(() => 0)
    },
  ]
  for (let number = 0; !(await isOver().catch(() => false)); number++) {
    await delay(FAULT_EVERY_MS)
    // A member may fail to start beside an election. The next fault that it meets starts it again.
    await faults[number % faults.length](members[random(members.length)]).catch((error) => {
      counts.failed.push(error.message)
    })
  }
  return JSON.stringify(counts)
}
