'use strict'

const { facadeError } = require('./errors.js')
const { nativeCall } = require('./native_call.js')

/** With the pauses of the core between them, about six seconds. */
const PRIMARIES_ASKED = 8

/** By session: the end of what was begun last in it. */
const turns = new WeakMap()
/** By native broker: the clients that reach the same deployment. */
const knownClients = new WeakMap()

function refuse(problem, cause) {
  return facadeError('ERR_CSB_BAD_SESSION', problem, { status: 'notWritten', cause })
}

/** Throws unless it is a session of the MongoDB driver with a transaction under way. */
function checkSession(session) {
  const isSession = typeof session?.inTransaction === 'function' && typeof session.client?.db === 'function'
  if (!isSession) {
    const kind = session === null ? 'null' : typeof session
    throw refuse(`session is ${kind}: give a ClientSession, as client.startSession() or mongoose.startSession() return`)
  }
  if (session.hasEnded) throw refuse('session has ended: send before its endSession()')
  if (!session.inTransaction()) {
    throw refuse('session has no transaction under way: call startTransaction(), or send inside of withTransaction()')
  }
}

/** Throws unless it is a client of the MongoDB driver. */
function checkClient(client) {
  if (typeof client?.startSession !== 'function' || typeof client.db !== 'function') {
    const kind = client === null ? 'null' : typeof client
    throw facadeError(
      'ERR_CSB_INVALID_CONFIG',
      `transactional.client is ${kind}: give a MongoClient, or connection.getClient() of mongoose`,
    )
  }
}

/** What is done in a session is done one after the other, as the driver wants it, also if nobody awaits each. */
function inTurn(session, run) {
  const before = turns.get(session) ?? Promise.resolve()
  const done = before.then(run, run)
  turns.set(
    session,
    done.catch(() => {}), // whoever called hears of it
  )
  return done
}

/** As the core names it; undefined if the member that the client takes for the primary is none any more. */
async function identityOf(client) {
  const primary = { readPreference: 'primary' }
  const hello = await client.db('admin').command({ hello: 1 }, primary)
  const { setName, topologyVersion, isWritablePrimary } = hello
  if (setName !== undefined && topologyVersion !== undefined) {
    if (!isWritablePrimary) return undefined
    return `replica set ${setName}, primary ${topologyVersion.processId.toHexString()}`
  }
  const version = await client.db('config').collection('version').findOne({})
  return `cluster ${version?.clusterId?.toHexString()}`
}

/** Rejects unless the client reaches the deployment of the broker. The same answer once is enough. */
async function requireSameDeployment(nativeBroker, client) {
  let known = knownClients.get(nativeBroker)
  if (known === undefined) {
    known = new WeakSet()
    knownClients.set(nativeBroker, known)
  }
  if (known.has(client)) return
  let ours
  let theirs
  // Between two answers there may be an election, and one of the clients may be late to hear of it.
  for (let asked = 0; asked < PRIMARIES_ASKED; asked++) {
    ours = await nativeCall(() => nativeBroker.deploymentIdentity(asked))
    if (ours === null) throw refuse('the embedded broker (memory://) has no transactions of a MongoDB client')
    theirs = await identityOf(client)
    if (ours === theirs) {
      known.add(client)
      return
    }
  }
  if (theirs === undefined) {
    throw facadeError('ERR_CSB_UNAVAILABLE', 'the client of the session reaches no primary', { status: 'notWritten' })
  }
  throw refuse(`its client reaches another deployment (${theirs}) than the broker (${ours}): use the same mongoUri`)
}

module.exports = { checkClient, checkSession, inTurn, requireSameDeployment }
