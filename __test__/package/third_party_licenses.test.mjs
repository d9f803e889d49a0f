// Whose licences go along with the addon, and that they do.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { PLATFORMS } from '../../scripts/release/platforms.mjs'
import { builtCrates, licensesText, thirdPartyLicenses } from '../../scripts/release/third_party_licenses.mjs'

const NOT_BUILT_IN = ['proptest', 'divan', 'ts-rs', 'napi-build', 'mongocrypt']
const OURS = ['csb-core', 'csb-cli', 'csb-node-binding', 'csb-test-support']

const crate = (name, more) => ({ name, version: '1.0.0', license: 'MIT', authors: [], notices: [], ...more })
const count = (text, part) => text.split(part).length - 1

describe('the crates of the addon', () => {
  for (const { name, target } of PLATFORMS.filter(({ name }) => /^(linux-x64-gnu|win32-x64-msvc)$/.test(name))) {
    it(`are for ${name} what is built into it, without ours and what only builds and tests use`, async () => {
      const names = (await builtCrates(target)).map((crate) => crate.name)
      for (const expected of ['mongodb', 'tokio', 'oxc', 'napi']) assert.ok(names.includes(expected), expected)
      const lock = await readFile('Cargo.lock', 'utf8')
      for (const absent of [...NOT_BUILT_IN, ...OURS]) {
        assert.ok(lock.includes(`\nname = "${absent}"\n`), `${absent} is not in Cargo.lock, so nothing is shown`)
        assert.ok(!names.includes(absent), absent)
      }
      assert.equal(names.includes('inotify'), name.startsWith('linux'), 'what Linux alone uses')
    })
  }
})

describe('THIRD_PARTY_LICENSES.txt', () => {
  let crates, text
  before(async () => {
    const platform = PLATFORMS.find(({ name }) => name === 'linux-x64-gnu')
    crates = await builtCrates(platform.target)
    text = await thirdPartyLicenses(platform)
  })

  it('has each crate with its licence, and then the text or that there is none', () => {
    const [list, ...sections] = text.split(/^-{80}$/m)
    for (const { name, version, license } of crates) {
      assert.ok(list.includes(`\n${name} ${version}: ${license}`), name)
      assert.ok(
        sections.some((section) => section.includes(`\n${name} ${version}: `)),
        `${name} has neither`,
      )
    }
  })

  it('has the words of who made them', () => {
    const parts = text.split(/^-{80}$/m)
    const under = (heading) => parts[parts.findIndex((part) => heading.test(part)) + 1]
    assert.match(under(/\ntokio [\d.]+: LICENSE\n/), /\nCopyright \(c\) Tokio Contributors\n/)
    assert.match(under(/\nring [\d.]+: third_party\/fiat\/LICENSE\n/), /fiat-crypto authors/)
    for (const crate of [/\nmongodb [\d.]+: Apache-2\.0, .*@mongodb\.com/, /\noxc [\d.]+: MIT, Boshen /]) {
      assert.match(under(/\nWithout a licence file/), crate)
    }
    assert.equal(count(text, 'GNU GENERAL PUBLIC LICENSE'), 0)
  })

  it('has the same text once, whatever its line ends', () => {
    const made = licensesText('a-package', [
      crate('a', { notices: [{ path: 'LICENSE', text: 'Do as\nyou like\n' }] }),
      crate('b', { notices: [{ path: 'COPYING', text: 'Do as\r\nyou like' }] }),
      crate('c', { notices: [{ path: 'LICENSE', text: 'Do nothing' }], repository: 'https://c.example' }),
    ])
    assert.equal(count(made, 'Do as\nyou like\n'), 1)
    assert.match(made, /-\na 1\.0\.0: LICENSE\nb 1\.0\.0: COPYING\n-+\n\nDo as\n/)
    assert.match(made, /\nc 1\.0\.0: MIT, https:\/\/c\.example\n/)
    assert.doesNotMatch(made, /Without a licence file/)
  })

  it('is not made when a crate has no licence', () => {
    const crates = [crate('a', { license: null }), crate('b')]
    assert.throws(() => licensesText('a-package', crates), { message: 'no licence expression: a 1.0.0' })
  })
})
