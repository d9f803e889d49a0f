// Sends by the raw addon, as one promise.

/** Resolves when all sends of one native call are settled; rejects with the first failure. */
export async function sendByAddon(producer, parts) {
  const groups = producer.send(parts)
  const failed = await Promise.all(groups.map(({ settled }) => settled))
  const [first] = failed.flatMap((failures) => failures ?? [])
  if (first !== undefined) throw first.error
}
