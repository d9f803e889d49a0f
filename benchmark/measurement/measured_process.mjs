// One measurement in a process of its own, with what it costs there and on the server.
//
// The process says when what is measured begins and ends ('begin', 'end'); what it does before and after is not counted.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { cpuSecondsOf } from './process_cpu.mjs'

const PROGRAM = fileURLToPath(new URL('./measured_program.mjs', import.meta.url))
const DEADLINE_MS = 5 * 60_000

/**
 * @param {{section: string, contender: string, uri: string, mongodPid: number, settings: object}} job
 * @returns {Promise<Record<string, number>>} its figures, and mongodCpuSeconds
 */
export function measureInProcess(job) {
  return new Promise((resolve, reject) => {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
    let serverBefore
    let serverSeconds
    let figures
    child.on('message', ({ type, figures: measured }) => {
      if (type === 'begin') serverBefore = cpuSecondsOf(job.mongodPid)
      if (type === 'end') serverSeconds = cpuSecondsOf(job.mongodPid) - serverBefore
      if (type === 'figures') figures = measured
    })
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (figures === undefined) reject(new Error(`${describe(job)} ended with ${signal ?? code} and no figures`))
      else resolve({ ...figures, ...(serverSeconds === undefined ? {} : { mongodCpuSeconds: serverSeconds }) })
    })
    child.send(job)
  })
}

function describe({ section, contender, settings }) {
  return `${section} of ${contender} (${JSON.stringify(settings)})`
}
