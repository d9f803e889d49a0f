// Every relative link of the documentation leads to a file that is there, and to a heading that is there.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { projectRoot } from '../../scripts/run_step.mjs'
import { anchorsOf, linksOf, slugOf } from './markdown_links.mjs'

const folders = (name) => readdirSync(join(projectRoot, name)).map((folder) => join(name, folder))

/** Markdown files in a folder of the project. */
function pagesIn(folder, { recursive = false } = {}) {
  const entries = readdirSync(join(projectRoot, folder), { withFileTypes: true })
  const pages = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
  const below = recursive ? entries.filter((entry) => entry.isDirectory()) : []
  return [
    ...pages.map((entry) => join(folder, entry.name)),
    ...below.flatMap((entry) => pagesIn(join(folder, entry.name), { recursive })),
  ]
}

const pages = [
  ...pagesIn('.'),
  ...pagesIn('docs', { recursive: true }),
  ...[...folders('examples'), ...folders('npm')].flatMap((folder) => pagesIn(folder)),
]

const read = (path) => readFileSync(path, 'utf8')

/** What is wrong with the links of `markdown`, which stands in the file `page`. */
function brokenLinks(page, markdown) {
  return linksOf(markdown).flatMap((link) => {
    if (/^[a-z]+:/i.test(link)) return [] // elsewhere
    const [path, anchor] = link.split('#')
    if (path.startsWith('/')) return [`${link}: give a path that begins at the page`]
    const target = path === '' ? page : resolve(dirname(page), decodeURI(path))
    if (target !== page && !existsSync(target)) return [`${link}: there is no ${relative(projectRoot, target)}`]
    if (anchor === undefined) return []
    const anchors = anchorsOf(target === page ? markdown : read(target))
    return anchors.has(decodeURI(anchor)) ? [] : [`${link}: there is no such heading`]
  })
}

describe('links of', () => {
  for (const page of pages) {
    it(page, () => assert.deepEqual(brokenLinks(join(projectRoot, page), read(join(projectRoot, page))), []))
  }
})

describe('the check', () => {
  const page = join(projectRoot, 'docs', 'sample.md')

  it('finds what is broken', () => {
    const markdown = [
      '# Here',
      '[a](guarantees.md) [b](guarantees.md#order) [c](#here) [d](https://example.org/#x) [e](adr) `[code](nowhere.md)`',
      '```md\n[f](nowhere.md)\n```',
      '[g](nowhere.md) [h](guarantees.md#nowhere) [i](#there) [j](/docs/guarantees.md) ![k](nowhere.png)',
      '[l]: ../nowhere.md',
    ].join('\n\n')
    const broken = brokenLinks(page, markdown).map((problem) => problem.split(': ')[0])
    const expected = [
      'nowhere.md',
      'guarantees.md#nowhere',
      '#there',
      '/docs/guarantees.md',
      'nowhere.png',
      '../nowhere.md',
    ]
    assert.deepEqual(broken, expected)
  })

  it('names headings as GitHub does', () => {
    const slugs = {
      'Development: two commands': 'development-two-commands',
      '`send(…, { session })`': 'send--session-',
      'Broker: `new ChangeStreamBroker(config)`': 'broker-new-changestreambrokerconfig',
      '`<collection>_p<n>`': 'collection_pn',
      'Limites de tempo e novas tentativas, Concorrência': 'limites-de-tempo-e-novas-tentativas-concorrência',
      'See [the page](page.md)': 'see-the-page',
    }
    for (const [heading, slug] of Object.entries(slugs)) assert.equal(slugOf(heading), slug)
    assert.deepEqual([...anchorsOf('# A\n\n## B\n\n```sh\n# no heading\n```\n\n## B\n')], ['a', 'b', 'b-1'])
  })
})
