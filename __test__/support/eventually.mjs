// Waiting in tests: on events where there are any, else by polling a state; always with a deadline, never by a fixed
// sleep.
import { setTimeout as delay } from 'node:timers/promises'

const DEADLINE_MS = 30_000

/** Collects what handlers push; tests await a number of items. */
export class Inbox {
  items = []
  #waiting = new Set()

  get length() {
    return this.items.length
  }

  push(item) {
    this.items.push(item)
    for (const waiter of this.#waiting) waiter.check()
  }

  /** Resolves to the items as soon as there are `count`; rejects after `within` milliseconds. */
  received(count, { within = DEADLINE_MS } = {}) {
    return this.#wait(
      () => this.items.length >= count,
      () => `${this.items.length} of ${count} items`,
      within,
    )
  }

  /** Resolves to the first item that `matches`. */
  async first(matches, { within = DEADLINE_MS } = {}) {
    await this.#wait(
      () => this.items.some(matches),
      () => `no match in ${this.items.length} items`,
      within,
    )
    return this.items.find(matches)
  }

  #wait(isDone, describe, within) {
    if (isDone()) return Promise.resolve(this.items)
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer)
        this.#waiting.delete(waiter)
        settle(value)
      }
      const timer = setTimeout(() => finish(reject, new Error(`after ${within} ms: ${describe()}`)), within)
      const waiter = { check: () => isDone() && finish(resolve, this.items) }
      this.#waiting.add(waiter)
    })
  }
}

/** A promise with its handles outside. */
export function signal() {
  let fire
  const fired = new Promise((resolve) => {
    fire = resolve
  })
  return { fire, fired }
}

/** Rejects if `promise` is not settled `within` milliseconds. */
export async function inTime(promise, within = DEADLINE_MS, what = 'the operation') {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not finish within ${within} ms`)), within)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Polls `read` until it returns something truthy, for state that sends no event, such as a server's. */
export async function eventually(read, { within = DEADLINE_MS, what = 'the state' } = {}) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await read()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`${what} was not reached within ${within} ms`)
    await delay(20)
  }
}

/** Polls `check` until it fails no assertion; then returns what it returned. After `within` its assertion fails. */
export async function passes(check, { within = DEADLINE_MS } = {}) {
  const deadline = Date.now() + within
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (error.code !== 'ERR_ASSERTION' || Date.now() > deadline) throw error
    }
    await delay(20)
  }
}
