// Sessions of transactional handlers: one that is being ended is not handed out again. Against scripted sessions.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { it } from 'node:test'

const { SessionPool } = createRequire(import.meta.url)('../../lib/session_pool.js')

/** Ends as those of the driver do: the abort first, then it counts as ended. */
class ScriptedSession {
  id = { id: { buffer: new Uint8Array(16) } }
  hasEnded = false
  #transaction = false
  #aborted

  startTransaction() {
    this.#transaction = true
  }

  inTransaction() {
    return this.#transaction
  }

  async abortTransaction() {
    await new Promise((resolve) => {
      this.#aborted = resolve
    })
    this.#transaction = false
  }

  /** The server has answered. */
  answerAbort() {
    this.#aborted()
  }

  async endSession() {
    if (this.#transaction) await this.abortTransaction()
    this.hasEnded = true
  }
}

const poolOf = () => new SessionPool({ startSession: () => new ScriptedSession() })

it('a session that is given up while its transaction is aborted does not come back', async () => {
  const pool = poolOf()
  const session = pool.take()
  session.startTransaction()
  pool.discard(session)
  // What the handler waited for fails now, so its call ends, too.
  const given = pool.giveBack(session)
  session.answerAbort()
  await given
  for (let taken = 0; taken < 20; taken++) assert.notEqual(pool.take(), session)
})

it('a session that is given back is handed out again', async () => {
  const pool = poolOf()
  const session = pool.take()
  session.startTransaction()
  const given = pool.giveBack(session)
  session.answerAbort()
  await given
  assert.equal(pool.take(), session)
})
