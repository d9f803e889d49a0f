// Servers that are there but cannot be used: wrong password, no replica set.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChangeStreamBroker } from '../../index.js'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { rejectsWith } from '../support/assert_error.mjs'

async function connectTo(mongoUri) {
  const broker = new ChangeStreamBroker({ mongoUri, database: 'csb_bad_server' })
  try {
    await broker.connect()
  } finally {
    await broker.disconnect()
  }
}

describe('a server with access control', () => {
  let server
  before(async () => {
    server = await startReplicaSet({ auth: true, quiet: true })
  })
  after(() => server.stop())

  it('takes the right password', () => connectTo(server.uri))

  it('refuses a wrong password', async () => {
    const uri = new URL(server.uri)
    uri.password = 'wrong-password'
    const error = await rejectsWith(connectTo(uri.href), 'ERR_CSB_UNAUTHORIZED', { within: 15_000 })
    assert.doesNotMatch(`${error.message} ${error.stack} ${error.cause}`, /wrong-password/)
  })

  it('refuses no password', async () => {
    const uri = new URL(server.uri)
    uri.username = ''
    uri.password = ''
    await rejectsWith(connectTo(uri.href), 'ERR_CSB_UNAUTHORIZED', { within: 15_000 })
  })
})

describe('a standalone server', () => {
  let server
  before(async () => {
    server = await startReplicaSet({ standalone: true, quiet: true })
  })
  after(() => server.stop())

  it('is refused, for it has no change streams', async () => {
    await rejectsWith(connectTo(server.uri), 'ERR_CSB_NOT_REPLICA_SET', { within: 15_000 })
  })
})
