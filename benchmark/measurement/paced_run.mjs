// Receives in this process what a process beside it sends at a steady rate.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { monotonicMicroseconds } from './monotonic_clock.mjs'

const PROGRAM = fileURLToPath(new URL('./paced_sender.mjs', import.meta.url))
/** The first ones find everything cold. */
const LEFT_OUT = 0.1

/**
 * Resolves to the latencies in milliseconds, and to what `measured` says of the time in which all was received.
 * `subscribe(handle)` resolves to a receiver. `halfWay` is called in the middle.
 */
export async function pacedRun({ sending, subscribe, measured, halfWay = async () => {} }) {
  const total = sending.rate * sending.seconds
  const latencies = []
  let seen = 0
  let allSeen
  const all = new Promise((resolve) => {
    allSeen = resolve
  })
  const child = fork(PROGRAM, [JSON.stringify(sending)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  // Rejects as soon as it fails: nobody waits for what is not going to be sent.
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (code !== 0) throw new Error(`the sender ended with ${signal ?? code}`)
  })
  await Promise.race([once(child, 'message'), ended])
  const receiver = await subscribe((value) => {
    seen += 1
    if (seen > total * LEFT_OUT) latencies.push((monotonicMicroseconds() - value.at) / 1000)
    if (seen === total) allSeen()
  })
  const cost = await measured(async () => {
    child.send('go')
    await Promise.all([receiver === undefined ? ended : all, delayed(sending.seconds / 2).then(halfWay), ended])
  })
  await receiver?.close()
  return { latencies, cost }
}

function delayed(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
