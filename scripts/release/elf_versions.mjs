// Which symbol versions an ELF file asks of its libraries: the section .gnu.version_r, as the ELF format of GNU has it.

const SHT_GNU_VERNEED = 0x6ffffffe
const VER_FLG_WEAK = 2

/**
 * Library and version of each, such as `{ library: 'libc.so.6', version: 'GLIBC_2.17' }`. Without the ones that are only
 * used where they exist (weak): they are no condition. Undefined if `bytes` are no 64-bit little-endian ELF file.
 */
export function neededVersions(bytes) {
  if (bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined
  const sections = readSections(bytes)
  const needs = sections.find(({ type }) => type === SHT_GNU_VERNEED)
  if (needs === undefined) return []
  const strings = sections[needs.link].offset
  const text = (offset) => bytes.toString('latin1', strings + offset, bytes.indexOf(0, strings + offset))
  const versions = []
  // Both are linked lists: libraries (Verneed), and the versions wanted of each (Vernaux).
  for (let at = needs.offset, next = 1; next !== 0; at += next) {
    const library = text(bytes.readUInt32LE(at + 4))
    let entry = at + bytes.readUInt32LE(at + 8)
    for (let count = bytes.readUInt16LE(at + 2); count > 0; count--) {
      const isWeak = (bytes.readUInt16LE(entry + 4) & VER_FLG_WEAK) !== 0
      if (!isWeak) versions.push({ library, version: text(bytes.readUInt32LE(entry + 8)) })
      entry += bytes.readUInt32LE(entry + 12)
    }
    next = bytes.readUInt32LE(at + 12)
  }
  return versions
}

function readSections(bytes) {
  const table = Number(bytes.readBigUInt64LE(0x28))
  const [size, count] = [bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)]
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * size
    const type = bytes.readUInt32LE(at + 4)
    return { type, offset: Number(bytes.readBigUInt64LE(at + 0x18)), link: bytes.readUInt32LE(at + 0x28) }
  })
}

/** The glibc that `versions` add up to, such as '2.17'; undefined if none of them is of glibc. */
export function neededGlibc(versions) {
  const numbers = versions.map(({ version }) => /^GLIBC_(\d+(?:\.\d+)*)$/.exec(version)?.[1]).filter(Boolean)
  return numbers.sort(compareGlibc).at(-1)
}

export function compareGlibc(one, other) {
  const [[a, b], [c, d]] = [one, other].map((version) => version.split('.').map(Number))
  return a - c || b - d
}
