// Whether a client of the user's reaches the broker's deployment, also while an election makes the two see different primaries.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, it } from 'node:test'
import { ObjectId, serialize } from 'bson'
import { rejectsWith } from '../support/assert_error.mjs'
import { testDatabase } from '../support/test_database.mjs'

const require = createRequire(import.meta.url)
const { NativeBroker } = require('../../lib/native_addon.js').nativeAddon()
const { requireSameDeployment } = require('../../lib/user_session.js')
/** It is asked again and again, for seconds. */
const DEADLINE_MS = 60_000
const test = testDatabase('same_deployment')

let broker
before(async () => {
  broker = new NativeBroker(Buffer.from(serialize({ mongoUri: test.uri, database: test.database })))
  await broker.connect()
})
after(() => broker.disconnect(true))

/** The real client, whose first answers are those that a member gives which was the primary until just now. */
function lateToHear(answers, changed) {
  let asked = 0
  const admin = test.client.db('admin')
  const command = async (...given) => {
    const answer = await admin.command(...given)
    asked += 1
    return asked <= answers ? { ...answer, ...changed } : answer
  }
  return { db: () => ({ command }), asked: () => asked }
}

const FORMER = { topologyVersion: { processId: new ObjectId(), counter: 6 } }

it('a client that takes the former primary for the present one is asked again', async () => {
  const client = lateToHear(5, FORMER)
  await requireSameDeployment(broker, client)
  assert.equal(client.asked(), 6)
  await requireSameDeployment(broker, client)
  assert.equal(client.asked(), 6, 'once is enough')
})

it('the answer of a member that knows to be none any more says nothing', async () => {
  const client = lateToHear(3, { ...FORMER, isWritablePrimary: false })
  await requireSameDeployment(broker, client)
  assert.equal(client.asked(), 4)
})

it('a client that never reaches a primary is told so, and may try again', async () => {
  const client = lateToHear(Number.POSITIVE_INFINITY, { isWritablePrimary: false })
  const error = await rejectsWith(requireSameDeployment(broker, client), 'ERR_CSB_UNAVAILABLE', { within: DEADLINE_MS })
  assert.equal(error.status, 'notWritten')
})

it('a client of another deployment is refused', async () => {
  const client = lateToHear(Number.POSITIVE_INFINITY, FORMER)
  const error = await rejectsWith(requireSameDeployment(broker, client), 'ERR_CSB_BAD_SESSION', { within: DEADLINE_MS })
  assert.match(error.message, /another deployment/)
})
