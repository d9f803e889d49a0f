// What is done to the processes of a soak run, one fault at a time, each undone when its function resolves.
import { MongoClient } from 'mongodb'

const TRIES = 10
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** What is asked of a primary fails while another one is being elected. */
async function tried(ask) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === TRIES) throw error
      await pause(1000)
    }
  }
}

/** Names and functions of all faults. `at random` is `choose`. */
export function makeFaults({ set, consumers, producers, choose }) {
  const withPrimary = async (work) => {
    const client = await MongoClient.connect(set.uri, { serverSelectionTimeoutMS: 60_000 })
    try {
      return await work(client)
    } finally {
      await client.close()
    }
  }
  const primary = () =>
    tried(() =>
      withPrimary(async (client) => {
        const { primary: host } = await client.db('admin').command({ hello: 1 })
        return set.ports.indexOf(Number(host.split(':').pop()))
      }),
    )

  return {
    'a consumer is killed': () => choose(consumers).replace(),
    'all consumers are killed': () => Promise.all(consumers.map((consumer) => consumer.replace())),
    'a producer is killed': () => choose(producers).replace(),
    'a consumer is frozen for 20 s': () => choose(consumers).freeze(20_000),
    'the event loop of a consumer is blocked for 8 s': async () => {
      choose(consumers).blockEventLoop(8_000)
      await pause(8_000)
    },
    'the primary is killed': async () => {
      const member = await primary()
      await set.killMember(member)
      await pause(5_000)
      await set.startMember(member)
    },
    'the primary is frozen for 15 s': async () => {
      const pid = set.pidOf(await primary())
      process.kill(pid, 'SIGSTOP')
      await pause(15_000)
      process.kill(pid, 'SIGCONT')
    },
    'the primary steps down': () =>
      tried(() => withPrimary((client) => client.db('admin').command({ replSetStepDown: 10, force: true }))),
    'all servers are down for 10 s': async () => {
      await set.kill()
      await pause(10_000)
      await Promise.all(set.ports.map((_, member) => set.startMember(member)))
    },
    'every cursor is killed': () =>
      tried(() =>
        withPrimary(async (client) => {
          const admin = client.db('admin')
          const open = await admin
            .aggregate([
              { $currentOp: { idleCursors: true, allUsers: true } },
              { $match: { 'cursor.cursorId': { $exists: true } } },
            ])
            .toArray()
          for (const { ns, cursor } of open) {
            const [database, ...collection] = ns.split('.')
            await client.db(database).command({ killCursors: collection.join('.'), cursors: [cursor.cursorId] })
          }
        }),
      ),
  }
}
