import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { runNode, startNode } from './child_process_probe.mjs'

const posix = { skip: process.platform === 'win32' && 'there are no such signals' }
const noServer = { unset: ['MONGODB_BROKER_URI'] }
const command = (code) => ['scripts/with_mongod.mjs', '--', process.execPath, '--input-type=module', '-e', code]

async function assertGone(uri) {
  const socket = connect(Number(new URL(uri).port), '127.0.0.1')
  const [error] = await once(socket, 'error')
  assert.equal(error.code, 'ECONNREFUSED')
}

describe('with_mongod', () => {
  it('runs the command beside a replica set, passes its exit code on and removes the set', async () => {
    const { code, stdout, stderr } = await runNode(
      command(`
      import { MongoClient } from 'mongodb'
      const client = new MongoClient(process.env.MONGODB_BROKER_URI)
      await client.db('test').collection('letters').insertOne({})
      await client.close()
      console.log(process.env.MONGODB_BROKER_URI)
      process.exitCode = 7`),
      noServer,
    )
    assert.equal(code, 7, stderr)
    const uri = stdout.trim()
    assert.match(uri, /^mongodb:\/\/127\.0\.0\.1:\d+\/\?replicaSet=rs0$/)
    assert.match(stderr, /starting a replica set/)
    assert.match(stderr, /replica set removed/)
    await assertGone(uri)
  })

  it('uses the server of MONGODB_BROKER_URI', async () => {
    const env = { MONGODB_BROKER_URI: 'mongodb://mine.example/' }
    const { code, stdout, stderr } = await runNode(command('console.log(process.env.MONGODB_BROKER_URI)'), { env })
    assert.equal(code, 0)
    assert.equal(stdout.trim(), env.MONGODB_BROKER_URI)
    assert.match(stderr, /using the server of MONGODB_BROKER_URI/)
  })

  it('passes signals on and waits for the command', posix, async () => {
    const { child, firstLine, ended } = startNode(
      command(`
      process.on('SIGTERM', () => process.exit(3))
      console.log(process.env.MONGODB_BROKER_URI)
      setInterval(() => {}, 1000)`),
      noServer,
    )
    const uri = await firstLine
    child.kill('SIGTERM')
    assert.equal((await ended).code, 3)
    await assertGone(uri)
  })

  it('ends with 128 + n when a signal ended the command', posix, async () => {
    const { code } = await runNode(command('process.kill(process.pid, "SIGKILL")'), {
      env: { MONGODB_BROKER_URI: 'mongodb://mine.example/' },
    })
    assert.equal(code, 128 + 9)
  })

  it('says so when the command does not exist', async () => {
    const { code, stderr } = await runNode(['scripts/with_mongod.mjs', '--', 'no-such-command'], noServer)
    assert.notEqual(code, 0)
    assert.match(stderr, /no-such-command/)
    assert.match(stderr, /replica set removed/)
  })

  it('explains its use without a command', async () => {
    const { code, stderr } = await runNode(['scripts/with_mongod.mjs', 'ls'])
    assert.equal(code, 2)
    assert.match(stderr, /usage: /)
  })
})
