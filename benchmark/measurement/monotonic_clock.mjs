// A clock that all processes of a machine share, and that nobody sets.

export function monotonicMicroseconds() {
  return Number(process.hrtime.bigint() / 1000n)
}
