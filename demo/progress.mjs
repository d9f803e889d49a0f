const EVERY_MS = 1000
const HEADER = '  time    sent/s  received/s  in flight   p50 ms   p99 ms'

/** Prints a line per second about what went into `ledger`, until `end()`. */
export function printProgress(ledger, say) {
  say(HEADER)
  let seconds = 0
  const timer = setInterval(() => say(lineOf(++seconds, ledger.takeInterval())), EVERY_MS)
  return { end: () => clearInterval(timer) }
}

function lineOf(seconds, { sent, received, inFlight, p50, p99 }) {
  return [
    `${seconds} s`.padStart(6),
    String(sent).padStart(9),
    String(received).padStart(11),
    String(inFlight).padStart(10),
    milliseconds(p50).padStart(8),
    milliseconds(p99).padStart(8),
  ].join(' ')
}

function milliseconds(latency) {
  return latency === null ? '-' : latency.toFixed(1)
}
