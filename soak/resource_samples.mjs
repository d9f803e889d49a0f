// Memory, handles, connections and cursors while a soak run goes on, and whether they stay flat.
import { MongoClient } from 'mongodb'

/** Growth from the first to the last third that is put down to chance. */
const TOLERANCE = { memoryMb: 25, handles: 12, connections: 15, cursors: 4 }

export class ResourceSamples {
  #samples = []

  constructor(uri, consumers) {
    this.uri = uri
    this.consumers = consumers
  }

  /** Takes a sample; between faults, when everybody has settled. */
  async take(second) {
    const ofConsumers = await Promise.all(this.consumers.map((consumer) => consumer.resources()))
    const client = await MongoClient.connect(this.uri, { serverSelectionTimeoutMS: 60_000 })
    try {
      const { connections, metrics } = await client.db('admin').command({ serverStatus: 1 })
      const sample = {
        second,
        memoryMb: Math.max(...ofConsumers.map(({ memoryMb }) => memoryMb)),
        handles: Math.max(...ofConsumers.map(({ handles }) => handles)),
        connections: connections.current,
        cursors: Number(metrics.cursor.open.total),
      }
      this.#samples.push(sample)
      return sample
    } finally {
      await client.close()
    }
  }

  /** Names of what has grown: the median of the last third against that of the first. */
  growing() {
    const third = Math.floor(this.#samples.length / 3)
    if (third < 2) return []
    const [first, last] = [this.#samples.slice(0, third), this.#samples.slice(-third)]
    return Object.entries(TOLERANCE)
      .map(([name, tolerance]) => ({ name, tolerance, from: median(first, name), to: median(last, name) }))
      .filter(({ from, to, tolerance }) => to > from + tolerance)
  }

  /** One line per sample. */
  table() {
    const names = ['second', ...Object.keys(TOLERANCE)]
    const row = (cells) => cells.map((cell) => String(cell).padStart(12)).join('')
    return [row(names), ...this.#samples.map((sample) => row(names.map((name) => sample[name])))].join('\n')
  }
}

function median(samples, name) {
  const values = samples.map((sample) => sample[name]).sort((one, other) => one - other)
  return values[Math.floor(values.length / 2)]
}
