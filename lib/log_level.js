'use strict'

const names = ['SILENT', 'ERROR', 'WARN', 'INFO', 'DEBUG']

/** Log levels as numbers, and the names of the numbers, as a TypeScript enum has them. */
const LogLevel = {}
for (const [number, name] of names.entries()) {
  LogLevel[name] = number
  LogLevel[number] = name
}
Object.freeze(LogLevel)

module.exports = { LogLevel }
