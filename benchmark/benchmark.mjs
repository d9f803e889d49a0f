// The whole performance table, against release 1.4.2 and against the bare official driver, side by side in one run:
//
//   npm run benchmark -- [--sections send,drain,latency,partitions,transactions,footprint] [--contenders ours,release_1_4_2,bare_driver]
//                        [--cases "in flight"] [--repetitions 3] [--scale 1] [--json]
//
// Every measurement is a process of its own; the contenders take turns within each repetition. What counts are the ratios.
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../scripts/replica_set.mjs'
import { machineAndVersions } from './measurement/machine.mjs'
import { measureInProcess } from './measurement/measured_process.mjs'
import { summarize } from './measurement/statistics.mjs'
import { asTable } from './report/table.mjs'

const SECTIONS = ['send', 'drain', 'latency', 'partitions', 'transactions', 'footprint']
const CONTENDERS = ['ours', 'release_1_4_2', 'bare_driver']

const { values: options } = parseArgs({
  options: {
    sections: { type: 'string', default: SECTIONS.join(',') },
    contenders: { type: 'string', default: CONTENDERS.join(',') },
    cases: { type: 'string', default: '' },
    repetitions: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const sections = chosen('sections', SECTIONS)
const contenders = chosen('contenders', CONTENDERS)
const repetitions = positive('repetitions')
const scale = positive('scale')

function chosen(option, known) {
  const names = options[option].split(',')
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) fail(`--${option} has ${unknown.join(', ')}: give some of ${known.join(', ')}`)
  return names
}

function positive(option) {
  const number = Number(options[option])
  if (!(number > 0)) fail(`--${option} is ${options[option]}: give a number above 0`)
  return number
}

function sized(size) {
  return Math.max(1, Math.round(size * scale))
}

function fail(problem) {
  console.error(`benchmark: ${problem}`)
  process.exit(2)
}

const set = await startReplicaSet({})
try {
  const results = []
  for (const section of sections) {
    const { cases, prepare } = await import(`./sections/${section}.mjs`)
    const wanted = cases.filter(({ name }) => name.includes(options.cases))
    const prepared = await prepare?.({ uri: set.uri, cases: wanted, sized })
    for (const each of wanted) results.push(await measureCase(section, prepared, each))
  }
  const report = { ...(await machineAndVersions(set.uri)), repetitions, scale, results }
  console.log(options.json ? JSON.stringify(report, null, 2) : asTable(report))
} finally {
  await set.stop()
}

/** All contenders of one case, taking turns. */
async function measureCase(section, prepared, { name, contenders: able = CONTENDERS, sizes = {}, ...settings }) {
  const taking = able.filter((contender) => contender === 'no_consumer' || contenders.includes(contender))
  const samples = new Map(taking.map((contender) => [contender, []]))
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const contender of taking) {
      const size = sizes[contender] ?? sizes.default
      const count = size === undefined ? undefined : sized(size)
      console.error(`${section}, ${name}: ${contender}, ${repetition + 1} of ${repetitions}`)
      const job = { section, contender, uri: set.uri, mongodPid: set.pid, prepared, settings: { ...settings, count } }
      // One that fails is missing in the table, and said here.
      const measured = measureInProcess(job).catch((error) => console.error(`benchmark: ${error.message}`))
      const sample = await measured
      if (sample !== undefined) samples.get(contender).push(sample)
    }
  }
  const taken = [...samples].filter(([, some]) => some.length > 0)
  const figures = Object.fromEntries(taken.map(([contender, some]) => [contender, summarize(some)]))
  return { section, name, unit: settings.unit, figures }
}
