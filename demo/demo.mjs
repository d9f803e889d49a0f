// The main job, live: a producer process and a group of consumer processes on one topic, then a summary that must add up.
//
//   npm run demo                                     finds or fetches a MongoDB by itself
//   node demo/demo.mjs [--seconds 10] [--rate 2000] [--members 3] [--partitions 6]     on MONGODB_BROKER_URI
import { parseArgs } from 'node:util'
import broker from '@dafaz/change-stream-broker'
import { MongoClient } from 'mongodb'
import { GroupMember } from './group_member.mjs'
import { Ledger } from './ledger.mjs'
import { sendOrders } from './order_load.mjs'
import { printProgress } from './progress.mjs'
import { readServer } from './server_state.mjs'
import { judge, printSummary } from './summary.mjs'

const RETENTION_MS = 60 * 60 * 1000
const ARRIVAL_DEADLINE_MS = 60_000
const say = (line) => console.log(line)

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
    members: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '6' },
  },
})
const [seconds, rate, members, partitionCount] = ['seconds', 'rate', 'members', 'partitions'].map(positive)
if (members > partitionCount) fail(`--members must not exceed --partitions (${partitionCount})`)
const uri = process.env.MONGODB_BROKER_URI
if (!uri) fail('MONGODB_BROKER_URI is not set: run "npm run demo", which starts a MongoDB by itself')

const setting = {
  uri,
  database: `csbroker_demo_${process.pid}`,
  topic: 'orders',
  groupId: 'warehouse',
  partitions: Array.from({ length: partitionCount }, (_, partition) => partition),
}
const client = new MongoClient(uri)
try {
  await client.connect()
  process.exitCode = (await demonstrate()) ? 0 : 1
} catch (error) {
  console.error('the demo failed:', error)
  process.exitCode = 1
} finally {
  await client.db(setting.database).dropDatabase()
  await client.close()
}

async function demonstrate() {
  const { database, topic } = setting
  const ledger = new Ledger()
  const service = new broker.ChangeStreamBroker({
    mongoUri: uri,
    database,
    autoCreateTopics: true,
    logLevel: 'WARN',
    logContext: 'demo',
  })
  const group = []
  try {
    say(`connecting, creating topic '${topic}' with ${partitionCount} partitions …`)
    await service.connect()
    const producer = await service.createProducer({
      topic,
      partitions: partitionCount,
      retentionMs: RETENTION_MS,
      partitionStrategy: 'hash',
    })

    say(`starting ${members} consumer processes of group '${setting.groupId}' …`)
    for (let number = 1; number <= members; number++) {
      group.push(new GroupMember(number, { ...setting, partitions: shareOf(number) }, ledger))
    }
    await Promise.all(group.map((member) => member.ready))

    say(`sending ${rate} orders/s for ${seconds} s; latency is from send() to the handler`)
    await runLoad(producer, ledger, group)

    say('stopping the group: each member finishes, commits and leaves …')
    await Promise.all(group.map((member) => member.stop()))
    say('reading what the server has …')
    const server = await readServer(client, setting, broker)
    return printSummary(judge(ledger.review(), server, setting.partitions), say)
  } finally {
    for (const member of group) member.kill()
    await service.disconnect()
  }
}

/** Sends until the time is over or a Ctrl-C, then waits until the group has handled everything. */
async function runLoad(producer, ledger, group) {
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const progress = printProgress(ledger, say)
  const memberLost = Promise.race(group.map((member) => member.lost))
  try {
    await Promise.race([memberLost, sendOrders(producer, ledger, { seconds, rate, signal: stop.signal })])
    await Promise.race([memberLost, ledger.untilAllReceived(ARRIVAL_DEADLINE_MS)])
  } finally {
    process.off('SIGINT', interrupt)
    progress.end()
  }
}

/** The members divide the partitions among themselves. */
function shareOf(number) {
  return setting.partitions.filter((partition) => partition % members === number - 1)
}

function positive(name) {
  const number = Number(values[name])
  if (!Number.isInteger(number) || number < 1) fail(`--${name} must be a whole number from 1 on, not '${values[name]}'`)
  return number
}

function fail(message) {
  console.error(message)
  process.exit(2)
}
