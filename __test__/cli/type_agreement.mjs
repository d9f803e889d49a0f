// Type checks that a project's client and its own files give the same types to everything that both export.
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'

const SOURCES = ['config', 'message-payload.schema']
const ENTRY = 'client/created-by-csbroker-generate'

/** Writes checks into a project; returns the paths of all files that are to be compiled. */
export async function writeTypeAgreement(project) {
  const present = SOURCES.filter((source) => existsSync(join(project, `change-stream/${source}.ts`)))
  const parts = await Promise.all(present.map((source) => checksOf(project, source)))
  const check = (extension) => `import * as client from './${ENTRY}.${extension}'\n${parts.join('')}`
  const files = { 'agreement.ts': check('js'), 'agreement.mts': check('mjs') }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
  return [...Object.keys(files), `${ENTRY}.d.ts`, `${ENTRY}.d.mts`].map((file) => join(project, file))
}

async function checksOf(project, source) {
  const text = await readFile(join(project, `change-stream/${source}.ts`), 'utf8')
  const file = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest)
  const name = source.replace(/\W/g, '_')
  const lines = [`import type * as ${name} from './change-stream/${source}.js'`]
  for (const statement of file.statements.filter(isExported)) {
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      lines.push(...typeChecks(name, statement))
    if (ts.isVariableStatement(statement))
      lines.push(...statement.declarationList.declarations.flatMap((one) => valueChecks(name, one.name)))
    if (ts.isFunctionDeclaration(statement) && statement.body) lines.push(...valueChecks(name, statement.name))
  }
  return `${[...new Set(lines)].join('\n')}\n`
}

function isExported(statement) {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
  const has = (kind) => modifiers.some((one) => one.kind === kind)
  return has(ts.SyntaxKind.ExportKeyword) && !has(ts.SyntaxKind.DefaultKeyword)
}

/** Whatever has the one type has the other. */
function typeChecks(source, { name, typeParameters }) {
  if (typeParameters) return []
  const [ours, theirs] = [`client.${name.text}`, `${source}.${name.text}`]
  return [
    `export const to_${source}_${name.text} = (value: ${ours}): ${theirs} => value`,
    `export const from_${source}_${name.text} = (value: ${theirs}): ${ours} => value`,
  ]
}

/** The client's value may be used wherever the original's may. */
function valueChecks(source, name) {
  if (!name) return []
  if (ts.isIdentifier(name))
    return [`export const value_${source}_${name.text}: typeof ${source}.${name.text} = client.${name.text}`]
  return name.elements.filter(ts.isBindingElement).flatMap((element) => valueChecks(source, element.name))
}
