import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { mainManifest } from '../../scripts/release/platforms.mjs'
import { runNode } from '../scripts/child_process_probe.mjs'
import { copyProject } from './project_copy.mjs'

const { version } = mainManifest()
const before = '# Changelog\n\n## 99.0.0 - 2099-01-01\n\nThe next one.\n\n'
const after = '\n## 0.0.1 - 2020-01-01\n\nThe first one.\n'

describe('release_notes', () => {
  async function notes(t, changelog, ...args) {
    const folder = await copyProject(t)
    await writeFile(join(folder, 'CHANGELOG.md'), changelog)
    return await runNode([join(folder, 'scripts/release/release_notes.mjs'), ...args])
  }

  it('are the entry of the version alone, in one line per paragraph, with links to the files of the tag', async (t) => {
    const entry = `## ${version} - 2026-12-24

One line
and its end.

### Added

- A point, see
  [the page](docs/sending.md), or [another](https://example.com/).
- And one more.
`
    const { code, stdout, stderr } = await notes(t, before + entry + after, `v${version}`)
    assert.equal(code, 0, stderr)
    assert.equal(
      stdout,
      `One line and its end.

### Added

- A point, see [the page](https://github.com/asammarco/change-stream-broker/blob/v${version}/docs/sending.md), or [another](https://example.com/).
- And one more.
`,
    )
  })

  for (const [what, entry, tag, complaint] of [
    ['no entry', '', `v${version}`, 'CHANGELOG.md has no entry for'],
    ['no date', `## ${version} - unreleased\n\nSomething.\n`, `v${version}`, 'has no date'],
    ['no text', `## ${version} - 2026-12-24\n`, `v${version}`, 'is empty'],
    [
      'another tag',
      `## ${version} - 2026-12-24\n\nSomething.\n`,
      'v1.0.0',
      'the tag is v1.0.0, but package.json has version',
    ],
  ]) {
    it(`${what}: none`, async (t) => {
      const { code, stdout, stderr } = await notes(t, before + entry + after, tag)
      assert.deepEqual([code, stdout], [1, ''])
      assert.ok(stderr.includes(complaint), stderr)
    })
  }
})

it('CHANGELOG.md has an entry for this version', async (t) => {
  const { stderr } = await runNode(['scripts/release/release_notes.mjs'])
  // Whether it has a date yet is for the one who releases it.
  assert.ok(stderr === '' || stderr.endsWith('has no date\n'), stderr)
})
