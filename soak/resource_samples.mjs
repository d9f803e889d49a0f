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
      const { connections } = await client.db('admin').command({ serverStatus: 1 })
      const sample = {
        second,
        memoryMb: Math.max(...ofConsumers.map(({ memoryMb }) => memoryMb)),
        handles: Math.max(...ofConsumers.map(({ handles }) => handles)),
        connections: connections.current,
        cursors: await cursorsInUse(client),
      }
      this.#samples.push(sample)
      return sample
    } finally {
      await client.close()
    }
  }

  /** What has grown, with name, from and to. */
  growing() {
    return growthOf(this.#samples)
  }

  /** One line per sample. */
  table() {
    const names = ['second', ...Object.keys(TOLERANCE)]
    const row = (cells) => cells.map((cell) => String(cell).padStart(12)).join('')
    return [row(names), ...this.#samples.map((sample) => row(names.map((name) => sample[name])))].join('\n')
  }
}

/**
 * The server keeps the cursors of a client that was killed for minutes. Ours asks for more at least every second, so
 * one that nobody has asked for ten seconds belongs to nobody.
 */
async function cursorsInUse(client) {
  const operations = await client
    .db('admin')
    .aggregate([
      { $currentOp: { idleCursors: true, allUsers: true } },
      { $match: { 'cursor.cursorId': { $exists: true } } },
    ])
    .toArray()
  const isUsed = ({ type, cursor }) => type === 'op' || Date.now() - cursor.lastAccessDate < 10_000
  return new Set(operations.filter(isUsed).map(({ cursor }) => String(cursor.cursorId))).size
}

/**
 * The lowest of the last third of the samples against the lowest of the first. A leak raises all of the later samples;
 * a single one may be taken while somebody is still on the way back from a fault.
 */
export function growthOf(samples) {
  const third = Math.floor(samples.length / 3)
  if (third < 2) return []
  const lowest = (part, name) => Math.min(...part.map((sample) => sample[name]))
  return Object.entries(TOLERANCE)
    .map(([name, tolerance]) => {
      const [from, to] = [lowest(samples.slice(0, third), name), lowest(samples.slice(-third), name)]
      return { name, tolerance, from, to }
    })
    .filter(({ from, to, tolerance }) => to > from + tolerance)
}
