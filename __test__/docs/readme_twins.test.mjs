// README.pt-BR.md is README.md in Portuguese: the same structure, the same programs, the same links.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { projectRoot } from '../../scripts/run_step.mjs'
import { linksOf } from './markdown_links.mjs'

const [english, portuguese] = ['README.md', 'README.pt-BR.md'].map((name) =>
  readFileSync(join(projectRoot, name), 'utf8'),
)

const fences = (page) =>
  Array.from(page.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, code]) => ({ language, code }))

/** Headings, rows of tables and items of lists, by their depth, between the fences. */
function structure(page) {
  const lines = page.replace(/^```.*?^```$/gms, '').split('\n')
  return lines.flatMap((line) => /^(#+ |\||- )/.exec(line)?.[0] ?? [])
}

it('has the same headings, tables and lists', () => {
  assert.deepEqual(structure(portuguese), structure(english))
})

it('has the same code, but for comments', () => {
  const code = (page) => fences(page).map(({ language, code }) => [language, code.replace(/(\/\/|# ).*$/gm, '')])
  assert.deepEqual(code(portuguese), code(english))
})

it('leads to the same pages', () => {
  const files = (page) => linksOf(page).map((link) => link.split('#')[0])
  const withoutTwin = (page) => files(page).filter((link) => !link.startsWith('README'))
  assert.deepEqual(withoutTwin(portuguese).sort(), withoutTwin(english).sort())
})
