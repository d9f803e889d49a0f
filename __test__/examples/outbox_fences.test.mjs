// The code of docs/outbox.md is code of examples/mongoose-outbox, which is compiled and run.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { EXAMPLES } from '../e2e/example_modules.mjs'

const DOCUMENT = fileURLToPath(new URL('../../docs/outbox.md', import.meta.url))
const SOURCES = join(EXAMPLES, 'mongoose-outbox/src')

async function sourceLines() {
  const files = (await readdir(SOURCES, { recursive: true })).filter((path) => path.endsWith('.ts'))
  return await Promise.all(files.map(async (file) => (await readFile(join(SOURCES, file), 'utf8')).split('\n')))
}

/** The lines without what all of them are indented by. */
function unindented(lines) {
  const depths = lines.filter((line) => line !== '').map((line) => /^ */.exec(line)[0].length)
  return lines.map((line) => line.slice(Math.min(...depths)))
}

const isPartOf = (fence, source) =>
  source.some((_, at) => {
    const part = source.slice(at, at + fence.length)
    return part.length === fence.length && unindented(part).join('\n') === unindented(fence).join('\n')
  })

describe('docs/outbox.md', async () => {
  const text = await readFile(DOCUMENT, 'utf8')
  const fences = Array.from(text.matchAll(/^```(\w*)\n(.*?)\n```$/gms), ([_, language, code]) => ({ language, code }))

  it('has code of both variants and of the other side', () => {
    assert.deepEqual(
      fences.map(({ language }) => language),
      ['ts', 'ts', 'ts'],
    )
  })

  for (const { code } of fences) {
    it(`shows code of the example: ${code.split('\n')[0]}`, async () => {
      const sources = await sourceLines()
      assert.ok(
        sources.some((source) => isPartOf(code.split('\n'), source)),
        `no file of the example has these lines:\n${code}`,
      )
    })
  }
})
