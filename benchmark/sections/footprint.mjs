// What it costs to be there: loading, and memory.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { freshTopic } from '../measurement/messages.mjs'
import { pacedRun } from '../measurement/paced_run.mjs'
import { median } from '../measurement/statistics.mjs'

const run_ = promisify(execFile)
const LOADS = 9
const LOADED_SECONDS = 8

export const cases = [
  { name: 'import', unit: 'ms', what: 'import' },
  { name: 'memory, one idle consumer', unit: 'MiB', what: 'idle' },
  { name: 'memory, 2000 msg/s received', unit: 'MiB', what: 'loaded' },
]

export async function run({ contender, contenderName, uri, measured, settings: { what } }) {
  if (what === 'import') return await importTime(contender.entry)
  return what === 'idle'
    ? await idleMemory(contender, uri)
    : await loadedMemory({ contender, contenderName, uri, measured })
}

/** Node's own start is not counted. */
async function importTime(entry) {
  const program = `const t=process.hrtime.bigint();require(${JSON.stringify(entry)});process.stdout.write(String(process.hrtime.bigint()-t));process.exit(0)`
  const times = []
  for (let load = 0; load < LOADS; load++) {
    const { stdout } = await run_(process.execPath, ['-e', program])
    times.push(Number(stdout.match(/\d+$/)[0]) / 1e6)
  }
  return { milliseconds: median(times) }
}

async function idleMemory(contender, uri) {
  const place = freshTopic()
  const sender = await contender.sender({ uri, ...place })
  await sender.send({ key: 'k', value: { n: 1 } })
  const receiver = await contender.receiver({ uri, ...place }, () => {})
  global.gc?.()
  const memoryMiB = process.memoryUsage().rss / 2 ** 20
  await receiver.close()
  await sender.close()
  return { memoryMiB }
}

async function loadedMemory({ contender, contenderName, uri, measured }) {
  const place = { uri, ...freshTopic() }
  await (await contender.sender(place)).close()
  let memoryMiB = 0
  await pacedRun({
    sending: { ...place, contender: contenderName, rate: 2000, seconds: LOADED_SECONDS },
    subscribe: (handle) => contender.receiver(place, handle),
    measured,
    // Garbage that was not collected yet counts.
    halfWay: async () => {
      memoryMiB = process.memoryUsage().rss / 2 ** 20
    },
  })
  return { memoryMiB: Math.max(memoryMiB, process.memoryUsage().rss / 2 ** 20) }
}
