'use strict'

// Reads .env of the working directory, as far as there is one. What the environment has already stays.
const { readFileSync } = require('node:fs')
const { resolve } = require('node:path')

const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*((?:"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`)(?=[ \t]*(?:#.*)?\r?$)|[^\r\n]*)/gm
const ESCAPES = { n: '\n', r: '\r', t: '\t' }

function parse(text) {
  const variables = {}
  for (const [, name, value] of text.matchAll(ASSIGNMENT)) variables[name] = unquote(value.trim())
  return variables
}

function unquote(value) {
  const quote = value[0]
  const isQuoted = value.length > 1 && value.endsWith(quote) && '"\'`'.includes(quote)
  if (!isQuoted) return value.replace(/(?:^|\s)#.*$/, '').trim()
  const inner = value.slice(1, -1)
  return quote === '"' ? inner.replace(/\\(.)/gs, (_, character) => ESCAPES[character] ?? character) : inner
}

function readEnvFile() {
  try {
    return readFileSync(resolve('.env'), 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}

for (const [name, value] of Object.entries(parse(readEnvFile()))) {
  if (process.env[name] === undefined) process.env[name] = value
}
