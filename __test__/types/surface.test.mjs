// index.d.ts against index.js: every name that is declared exists, every name that exists is declared, and described.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import broker from '../../index.js'
import * as named from '../../index.js'

const declarations = fileURLToPath(new URL('../../index.d.ts', import.meta.url))
const program = ts.createProgram([declarations], { strict: true, lib: ['lib.es2022.d.ts'], types: [] })
const checker = program.getTypeChecker()
const declared = checker
  .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations)))
  .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
const values = declared.filter((symbol) => symbol.flags & ts.SymbolFlags.Value)
const classes = values.filter((symbol) => symbol.flags & ts.SymbolFlags.Class)

/** Members with a name of their own: neither constructors nor type parameters nor the compiler's payload slot. */
function namedMembers(symbol) {
  const members = [...(symbol.members?.values() ?? [])]
  return members.filter(({ name, flags }) => !name.startsWith('__') && !(flags & ts.SymbolFlags.TypeParameter))
}

function isDescribed(symbol) {
  return symbol.getDocumentationComment(checker).length > 0
}

test('declares the exported names', () => {
  const names = values.map(({ name }) => name).sort()
  assert.deepEqual(names, Object.keys(broker).sort())
  for (const name of names) assert.equal(named[name], broker[name], name)
})

test('declares the members of every class', () => {
  for (const symbol of classes.filter(({ name }) => name !== 'ChangeStreamBrokerError')) {
    const members = namedMembers(symbol).map(({ name }) => name)
    const existing = Object.getOwnPropertyNames(broker[symbol.name].prototype).filter((name) => name !== 'constructor')
    assert.deepEqual(members.sort(), existing.sort(), symbol.name)
  }
})

test('declares the properties of an error', () => {
  const what = { code: 'ERR_CSB_TIMEOUT', kind: 'unavailable', retryable: true, effect: 'possible' }
  const more = { status: 'unknown', topic: 't', partition: 0, groupId: 'g', cause: new Error('reset') }
  const fields = { ...what, ...more }
  const error = new broker.ChangeStreamBrokerError('no answer', fields)
  const [symbol] = classes.filter(({ name }) => name === 'ChangeStreamBrokerError')
  for (const { name } of namedMembers(symbol)) assert.deepEqual(error[name], fields[name], name)
})

test('describes every public name, member and field', () => {
  const undescribed = []
  for (const symbol of declared) {
    if (!isDescribed(symbol)) undescribed.push(symbol.name)
    const type = checker.getDeclaredTypeOfSymbol(symbol)
    const fields = symbol.flags & ts.SymbolFlags.Interface ? type.getProperties() : namedMembers(symbol)
    for (const field of fields) {
      if (!field.name.startsWith('__') && !isDescribed(field)) undescribed.push(`${symbol.name}.${field.name}`)
    }
  }
  assert.deepEqual(undescribed, [])
})
