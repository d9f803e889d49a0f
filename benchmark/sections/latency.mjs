// From the call of send to the call of the handler, in two processes, at a steady rate.
import { freshTopic } from '../measurement/messages.mjs'
import { pacedRun } from '../measurement/paced_run.mjs'
import { percentile } from '../measurement/statistics.mjs'

const SECONDS = 6
export const cases = [
  { name: '200 msg/s', unit: 'ms', rate: 200 },
  { name: '2000 msg/s', unit: 'ms', rate: 2000 },
]

export async function run({ contender, contenderName, uri, measured, settings: { rate } }) {
  const place = { uri, ...freshTopic() }
  // The topic is there before anybody listens: 1.4.2 does not wait for it.
  await (await contender.sender(place)).close()
  const { latencies, cost } = await pacedRun({
    sending: { ...place, contender: contenderName, rate, seconds: SECONDS },
    subscribe: (handle) => contender.receiver(place, handle),
    measured,
  })
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    cpuMicrosecondsPerMessage: (cost.cpuSeconds * 1e6) / (rate * SECONDS),
  }
}
