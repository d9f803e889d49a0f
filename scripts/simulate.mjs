// `npm run simulate`: runs seeds of the simulation (crates/test-support/src/simulation). Options:
//
//   --seeds <n>     so many seeds, 200 by default     --from <n>   the first of them, 0 by default
//   --seed <n>      one seed, with all its events    --large      of large groups: 100 members, 300 partitions
//
// Ten thousand seeds:  npm run simulate -- --seeds 10000
import { parseArgs } from 'node:util'
import { runStep } from './run_step.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    large: { type: 'boolean', default: false },
  },
})

const wholeNumber = (name) => {
  if (!/^\d{1,15}$/.test(values[name])) {
    console.error(`--${name} is ${JSON.stringify(values[name])}: give a whole number`)
    process.exit(2)
  }
  return Number(values[name])
}

const env = {}
if (values.seed !== undefined) {
  Object.assign(env, { CSB_SIM_SEED: String(wholeNumber('seed')), CSB_SIM_EVENTS: 'all' })
} else {
  const from = wholeNumber('from')
  env.CSB_SIM_SEEDS = `${from}..${from + wholeNumber('seeds')}`
}
const family = values.large ? 'large groups' : 'simulation'
const title = values.seed === undefined ? `${family}, seeds ${env.CSB_SIM_SEEDS}` : `${family}, seed ${values.seed}`
const cargo = [
  'test',
  '--quiet',
  '--workspace',
  '--test',
  'simulation',
  '--',
  values.large ? 'large_groups' : 'nothing_is_lost',
]
await runStep(title, 'cargo', cargo, env)
