const MARKER = 'demo_end'
const DEADLINE_MS = 20_000

/**
 * Reads what the server has at the end: `stored`, the messages per partition, and `behind`, the partitions whose
 * committed offset is missing or still before a message.
 */
export async function readServer(client, { uri, database, topic, groupId, partitions }, { OffsetStorage }) {
  const db = client.db(database)
  const counts = await Promise.all(
    partitions.map((partition) => db.collection(`${topic}_p${partition}`).countDocuments()),
  )
  const storage = new OffsetStorage(uri, database)
  await storage.connect()
  try {
    const committed = (await storage.getOffsets(groupId)).filter((offset) => offset.topic === topic)
    await db.collection(MARKER).insertOne({}, { writeConcern: { w: 'majority' } })
    const isAtEnd = await Promise.all(
      partitions.map((partition) => {
        if (counts[partition] === 0) return true
        const offset = committed.find((candidate) => candidate.partition === partition)
        return offset !== undefined && nothingAfter(db, `${topic}_p${partition}`, offset.offset)
      }),
    )
    return {
      stored: new Map(partitions.map((partition) => [partition, counts[partition]])),
      behind: partitions.filter((partition) => !isAtEnd[partition]),
    }
  } finally {
    await storage.disconnect()
  }
}

/** Whether a reader that goes on from `offset` meets the marker before any message of `collection`. */
async function nothingAfter(db, collection, offset) {
  const filter = { operationType: 'insert', 'ns.coll': { $in: [collection, MARKER] } }
  const stream = db.watch([{ $match: filter }], { resumeAfter: offset })
  try {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; ) {
      const event = await stream.tryNext()
      if (event !== null) return event.ns.coll === MARKER
    }
    throw new Error(`no answer from the change stream after ${DEADLINE_MS / 1000} s`)
  } finally {
    await stream.close()
  }
}
