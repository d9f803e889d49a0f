/**
 * Puts the ledger's review and the server's state side by side.
 *
 * @returns {{lines: {name: string, value: string, isRight: boolean}[], failures: Error[]}}
 */
export function judge(review, { stored, behind }, partitions) {
  const { sent, received, perPartition, duplicates, orderViolations, failures } = review
  const storedTotal = [...stored.values()].reduce((total, count) => total + count, 0)
  const receivedOf = (partition) => perPartition.get(partition) ?? 0
  const differing = partitions.filter((partition) => receivedOf(partition) !== stored.get(partition))
  const perPartitionText = partitions.map((partition) => `p${partition} ${receivedOf(partition)}`).join(', ')
  const line = (name, value, isRight) => ({ name, value: String(value), isRight })
  return {
    failures,
    lines: [
      line('sent', sent, sent > 0 && failures.length === 0),
      line('received', received, received === sent),
      line('stored', storedTotal, storedTotal === sent),
      line(
        'per partition',
        differing.length === 0
          ? perPartitionText
          : `${perPartitionText}; the server has other counts: ${differing.map((partition) => `p${partition} ${stored.get(partition)}`).join(', ')}`,
        differing.length === 0,
      ),
      line('failed sends', failures.length, failures.length === 0),
      line('order violations', orderViolations, orderViolations === 0),
      line('duplicates', duplicates, duplicates === 0),
      line(
        'offsets committed',
        behind.length === 0
          ? `all ${partitions.length} partitions, to the end`
          : `missing or behind: ${behind.map((partition) => `p${partition}`).join(', ')}`,
        behind.length === 0,
      ),
    ],
  }
}

/** Prints the summary and returns whether everything adds up. */
export function printSummary({ lines, failures }, say) {
  say('')
  for (const { name, value, isRight } of lines) say(`  ${isRight ? '✓' : '✗'} ${name.padEnd(18)} ${value}`)
  if (failures.length > 0) say(`  first failed send: ${failures[0].message}`)
  const isRight = lines.every((line) => line.isRight)
  say(isRight ? '\nIt adds up.' : '\nIT DOES NOT ADD UP.')
  return isRight
}
