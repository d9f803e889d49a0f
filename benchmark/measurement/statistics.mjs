// Medians and spread.

export function median(numbers) {
  return percentile(numbers, 0.5)
}

/** The value below which this share of the numbers lies; the nearest one that occurs, or the middle of two. */
export function percentile(numbers, share) {
  if (numbers.length === 0) return undefined
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return below + (above - below) * (place - Math.floor(place))
}

/** Samples with the same figures → for each figure median, least and greatest. */
export function summarize(samples) {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))]
  const summary = {}
  for (const name of names) {
    const taken = samples.map((sample) => sample[name]).filter((value) => value !== undefined)
    summary[name] = { median: median(taken), least: Math.min(...taken), greatest: Math.max(...taken) }
  }
  return summary
}
