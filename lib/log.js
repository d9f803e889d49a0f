'use strict'

const { facadeError } = require('./errors.js')
const { LogLevel } = require('./log_level.js')

// Which methods of a user's logger take an entry, first choice first. NestJS says `log` where others say `info`.
const methodsOfLevel = [[], ['error'], ['warn'], ['info', 'log'], ['debug', 'verbose']]
const consoleMethodOfLevel = [undefined, 'error', 'warn', 'log', 'debug']

function writeToConsole(level, context, message) {
  const where = context ? ` [${context}]` : ''
  // Looked up at each call: test runners and APM agents replace the methods of `console`.
  console[consoleMethodOfLevel[level]](`[${LogLevel[level]}] ${new Date().toISOString()}${where}: ${message}`)
}

function writeToLogger(logger, level, context, message) {
  const complain = (error) =>
    writeToConsole(
      LogLevel.ERROR,
      context,
      `The configured logger threw (${describe(error)}) on this entry: ${message}`,
    )
  try {
    const method = methodsOfLevel[level].find((name) => typeof logger[name] === 'function')
    const written = method === undefined ? undefined : logger[method](message, context)
    if (typeof written?.then === 'function') written.then(undefined, complain)
  } catch (error) {
    complain(error)
  }
}

/** One line about anything that was thrown; never throws itself. */
function describe(thrown) {
  try {
    return String(thrown?.stack || thrown)
  } catch {
    return 'a value that cannot be printed'
  }
}

function hasMethodFor(logger, level) {
  return methodsOfLevel[level].some((name) => typeof logger[name] === 'function')
}

function checkLogger(logger) {
  const required = [LogLevel.ERROR, LogLevel.WARN, LogLevel.INFO]
  const isObject = typeof logger === 'object' || typeof logger === 'function'
  if (isObject && required.every((level) => hasMethodFor(logger, level))) return
  throw facadeError('ERR_CSB_INVALID_CONFIG', 'logger must have the methods error, warn and info (or log)')
}

function levelOf(name) {
  const level = typeof name === 'string' ? LogLevel[name.toUpperCase()] : undefined
  return level === undefined ? LogLevel.SILENT : level
}

/**
 * Where the log entries of one broker go: the configured `logger`, else the console. `write` takes the entries of
 * the core, which are already filtered by level; `error` and `info` are for the few that lib/ has itself.
 */
function createLog(config) {
  const { logger, logLevel, logContext } = config || {}
  if (logger !== undefined && logger !== null) checkLogger(logger)
  const write = logger ? (level, context, message) => writeToLogger(logger, level, context, message) : writeToConsole
  const level = levelOf(logLevel)
  const context = typeof logContext === 'string' && logContext !== '' ? logContext : 'ChangeStreamBroker'
  return {
    write,
    info(message) {
      if (level >= LogLevel.INFO) write(LogLevel.INFO, context, message)
    },
    /** For failures that nobody awaits. With logging off they become a process warning instead of vanishing. */
    error(message, thrown) {
      const text = `${message}: ${describe(thrown)}`
      if (level >= LogLevel.ERROR) write(LogLevel.ERROR, context, text)
      else process.emitWarning(text, 'ChangeStreamBrokerWarning')
    },
  }
}

module.exports = { createLog }
