// The results as a table for people: one block per case, with ratios to 1.4.2 and to the bare driver.

const FIGURES = {
  rate: { label: 'msg/s', digits: 0 },
  p50: { label: 'p50 ms', digits: 2 },
  p99: { label: 'p99 ms', digits: 1 },
  milliseconds: { label: 'ms', digits: 1 },
  cpuMicrosecondsPerMessage: { label: 'client CPU µs/msg', digits: 1 },
  cpuSeconds: { label: 'client CPU s', digits: 2 },
  mongodCpuSeconds: { label: 'mongod CPU s', digits: 2 },
  memoryMiB: { label: 'MiB', digits: 0 },
  connections: { label: 'connections', digits: 0 },
  cursors: { label: 'cursors', digits: 0 },
}

export function asTable({ at, machine, versions, repetitions, results }) {
  const head = [
    `${at}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `medians of ${repetitions} interleaved runs (least–greatest)`,
  ]
  return [...head, ...results.flatMap(caseLines)].join('\n')
}

function caseLines({ section, name, figures }) {
  const known = Object.keys(FIGURES).filter((figure) => Object.values(figures).some((of) => figure in of))
  const lines = ['', `${section}: ${name}`]
  for (const figure of known) {
    for (const [contender, of] of Object.entries(figures)) {
      if (of[figure] !== undefined) lines.push(`  ${figureLine(figure, contender, of[figure], figures)}`)
    }
  }
  return lines
}

function figureLine(figure, contender, { median, least, greatest }, figures) {
  const { label, digits } = FIGURES[figure]
  const value = `${shown(median, digits).padStart(10)}  (${shown(least, digits)}–${shown(greatest, digits)})`
  const ratios = ['release_1_4_2', 'bare_driver']
    .filter((other) => contender === 'ours' && figures[other]?.[figure]?.median > 0)
    .map((other) => `${(median / figures[other][figure].median).toFixed(2)}× ${other}`)
  return `${label.padEnd(18)} ${contender.padEnd(14)} ${value.padEnd(32)} ${ratios.join(', ')}`.trimEnd()
}

function shown(number, digits) {
  return number.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
