'use strict'

const { readFileSync } = require('node:fs')

/** The platforms that have a package of their own. `scripts/release/platforms.mjs` says what each one is. */
const PREBUILT_PLATFORMS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
]

/**
 * The platforms whose addon may load here, the likeliest first. On Linux there are two, because what the machine says
 * of its C library need not be true of this process: a Node.js for musl also runs where glibc is installed.
 * Starts no process to find out: images without `ldd`, or without a shell, are common.
 */
function platformNames() {
  return namesFor(() => libcOfLdd() ?? libcOfReport(runtimeReport()))
}

/** For an error: the `name` of the platform, and a `description` with the C library that this process has. */
function currentPlatform() {
  const { platform, arch } = process
  const report = platform === 'linux' ? runtimeReport() : {}
  const [name] = namesFor(() => libcOfReport(report) ?? libcOfLdd())
  return { name, description: platform === 'linux' ? `linux ${arch}, ${describeLibc(report)}` : `${platform} ${arch}` }
}

function namesFor(libcOfLinux) {
  const { platform, arch } = process
  if (platform === 'win32') return [`win32-${arch}-msvc`]
  if (platform !== 'linux') return [`${platform}-${arch}`]
  const libcs = libcOfLinux() === 'musl' ? ['musl', 'gnu'] : ['gnu', 'musl']
  return libcs.map((libc) => `linux-${arch}-${libc}${arch === 'arm' ? 'eabihf' : ''}`)
}

/** By the script `ldd`, which belongs to the C library. Reading it takes a fraction of what a report takes. */
function libcOfLdd() {
  try {
    const text = readFileSync('/usr/bin/ldd', 'latin1')
    if (text.includes('musl')) return 'musl'
    return /GLIBC|GNU/.test(text) ? 'gnu' : undefined
  } catch {
    return undefined // Not there: the report will tell.
  }
}

function libcOfReport({ header, sharedObjects }) {
  if (header?.glibcVersionRuntime) return 'gnu'
  return sharedObjects?.some((file) => /\/ld-musl-|\blibc\.musl-|-linux-musl\//.test(file)) ? 'musl' : undefined
}

function describeLibc(report) {
  const libc = libcOfReport(report)
  if (libc === 'gnu') return `glibc ${report.header.glibcVersionRuntime}`
  return libc ?? 'unknown C library'
}

/** What Node.js tells of this process; empty where it has no reports. */
function runtimeReport() {
  const { report } = process
  if (typeof report?.getReport !== 'function') return {}
  const { excludeNetwork } = report
  report.excludeNetwork = true // otherwise it asks for the names of all peers, which may take seconds
  try {
    return report.getReport()
  } finally {
    report.excludeNetwork = excludeNetwork
  }
}

module.exports = { PREBUILT_PLATFORMS, currentPlatform, platformNames }
