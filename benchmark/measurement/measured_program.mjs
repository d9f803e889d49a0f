// The process in which something is measured: takes a job, does what its section says with its contender, sends figures.
import { once } from 'node:events'

const [job] = await once(process, 'message')
const { run } = await import(`../sections/${job.section}.mjs`)
const contender = await import(`../contenders/${job.contender}.mjs`)

/** Measures what `work` does: seconds, and the CPU time of this process with all its threads. */
async function measured(work) {
  await tell({ type: 'begin' })
  const [began, cpuBefore] = [performance.now(), process.cpuUsage()]
  await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  await tell({ type: 'end' })
  return { seconds, cpuSeconds: (user + system) / 1e6 }
}

function tell(message) {
  return new Promise((resolve, reject) => process.send(message, (error) => (error ? reject(error) : resolve())))
}

const figures = await run({ ...job, contender, contenderName: job.contender, measured })
await tell({ type: 'figures', figures })
process.exit(0)
