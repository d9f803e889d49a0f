import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { MongoClient } from 'mongodb'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { startNode, untilGone, untilRemoved } from './child_process_probe.mjs'

/** Starts a set in a process of its own, which says {pid, dbPath} and then runs `afterwards`. */
function startElsewhere(afterwards) {
  return startNode([
    '--input-type=module',
    '-e',
    `
    import { MongoClient } from 'mongodb'
    import { startReplicaSet } from './scripts/replica_set.mjs'
    const set = await startReplicaSet()
    const client = new MongoClient(set.uri)
    const { parsed } = await client.db('admin').command({ getCmdLineOpts: 1 })
    await client.close()
    console.log(JSON.stringify({ pid: set.pid, dbPath: parsed.storage.dbPath }))
    ${afterwards}`,
  ])
}

async function use(uri, work) {
  const client = new MongoClient(uri)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

async function assertNothingLeft({ pid, dbPath }) {
  await untilGone(pid)
  await untilRemoved(dbPath)
}

describe('startReplicaSet', () => {
  it('gives a primary with a change stream, and stop() leaves nothing', async () => {
    const set = await startReplicaSet({ setParameter: { ttlMonitorSleepSecs: 1 } })
    const { pid } = set
    const dbPath = await use(set.uri, async (client) => {
      const admin = client.db('admin')
      assert.equal((await admin.command({ hello: 1 })).setName, 'rs0')
      assert.equal((await admin.command({ getParameter: 1, ttlMonitorSleepSecs: 1 })).ttlMonitorSleepSecs, 1)
      const stream = client.db('test').collection('letters').watch()
      await stream.tryNext() // opens it
      const next = stream.next()
      await client.db('test').collection('letters').insertOne({ _id: 'a' })
      assert.equal((await next).documentKey._id, 'a')
      await stream.close()
      return (await admin.command({ getCmdLineOpts: 1 })).parsed.storage.dbPath
    })
    assert.ok(existsSync(dbPath))
    await set.stop()
    await set.stop()
    assert.equal(set.pid, undefined)
    await assertNothingLeft({ pid, dbPath })
  })

  it('has access control with auth', async () => {
    const set = await startReplicaSet({ auth: true })
    try {
      assert.match(set.uri, /^mongodb:\/\/root:docker@127\.0\.0\.1:\d+\/\?replicaSet=rs0&authSource=admin$/)
      await use(set.uri, (client) => client.db('test').collection('letters').insertOne({}))
      const anonymous = set.uri.replace('root:docker@', '').replace('&authSource=admin', '')
      await assert.rejects(
        use(anonymous, (client) => client.db('test').collection('letters').findOne()),
        /authentication/,
      )
    } finally {
      await set.stop()
    }
  })

  it('is no replica set with standalone', async () => {
    const set = await startReplicaSet({ standalone: true })
    try {
      await use(set.uri, async (client) => {
        await client.db('test').collection('letters').insertOne({})
        await assert.rejects(client.db('test').collection('letters').watch().next(), /only supported on replica sets/)
      })
    } finally {
      await set.stop()
    }
  })

  it('keeps the data of a member that is killed and started again', async () => {
    const set = await startReplicaSet()
    try {
      const before = set.pid
      await use(set.uri, (client) =>
        client
          .db('test')
          .collection('letters')
          .insertOne({ _id: 'a' }, { writeConcern: { w: 'majority', j: true } }),
      )
      await set.kill()
      assert.equal(set.pid, undefined)
      await set.startMember(0)
      assert.notEqual(set.pid, before)
      assert.ok(await use(set.uri, (client) => client.db('test').collection('letters').findOne({ _id: 'a' })))
    } finally {
      await set.stop()
    }
  })

  it("rejects with the server's own words when it does not start, and leaves nothing", async () => {
    const { TMPDIR, TEMP } = process.env
    const folder = await mkdtemp(join(tmpdir(), 'csbroker-test-'))
    Object.assign(process.env, { TMPDIR: folder, TEMP: folder })
    try {
      await assert.rejects(
        startReplicaSet({ setParameter: { noSuchParameter: 1 } }),
        /Unknown --setParameter 'noSuchParameter'/,
      )
      assert.deepEqual(await readdir(folder), [])
    } finally {
      restoreEnvironment({ TMPDIR, TEMP })
      await rm(folder, { recursive: true })
    }
  })

  it('ends with a process that was killed', async () => {
    const { child, firstLine, ended } = startElsewhere('setInterval(() => {}, 1000)')
    const left = JSON.parse(await firstLine)
    child.kill('SIGKILL')
    await ended
    await assertNothingLeft(left)
  })

  it('does not keep a process alive that forgets stop(), and ends with it', async () => {
    const { firstLine, ended } = startElsewhere('')
    const left = JSON.parse(await firstLine)
    assert.equal((await ended).code, 0)
    await assertNothingLeft(left)
  })

  it('ends also when its supervisor is killed', { skip: process.platform !== 'linux' && 'reads /proc' }, async () => {
    const set = await startReplicaSet()
    const { pid } = set
    const dbPath = await use(
      set.uri,
      async (client) => (await client.db('admin').command({ getCmdLineOpts: 1 })).parsed.storage.dbPath,
    )
    const exit = new Promise((resolve) => set.onExit((member, reason) => resolve([member, reason])))
    const keepAlive = setTimeout(() => {}, 30_000)
    process.kill(await parentOf(pid), 'SIGKILL')
    assert.deepEqual(await exit, [0, 'its supervisor ended'])
    clearTimeout(keepAlive)
    await assertNothingLeft({ pid, dbPath })
    await assert.rejects(set.startMember(0), /have been ended/)
    await set.stop()
  })
})

async function parentOf(pid) {
  return Number((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ')[1])
}

function restoreEnvironment(values) {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}
