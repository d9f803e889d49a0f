import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runNode } from '../scripts/child_process_probe.mjs'
import { copyProject } from './project_copy.mjs'

const VERSION = '2.3.4-beta.5'

describe('set-version', () => {
  it('writes the version everywhere, and changes nothing else', async (t) => {
    const folder = await copyProject(t)
    const read = async (path) => await readFile(join(folder, path), 'utf8')
    const before = JSON.parse(await read('package.json'))
    const lines = async (path) => (await read(path)).split('\n')
    const lockBefore = await lines('Cargo.lock')

    const { code, stderr } = await runNode([join(folder, 'scripts/release/set_version.mjs'), VERSION])
    assert.equal(code, 0, stderr)
    assert.deepEqual(JSON.parse(await read('package.json')), { ...before, version: VERSION })
    const lock = JSON.parse(await read('package-lock.json'))
    assert.deepEqual([lock.version, lock.packages[''].version], [VERSION, VERSION])
    assert.equal(lock.packages['node_modules/peer-1.4.2'].version, '1.4.2')
    assert.match(await read('Cargo.toml'), new RegExp(`\\[workspace\\.package\\]\nversion = "${VERSION}"\n`))
    const changed = (await lines('Cargo.lock')).filter((line, index) => line !== lockBefore[index])
    assert.deepEqual(new Set(changed), new Set([`version = "${VERSION}"`]))
    assert.equal(JSON.parse(await read('npm/darwin-arm64/package.json')).version, VERSION)
    const example = JSON.parse(await read('examples/nestjs-producer/package-lock.json'))
    assert.equal(example.packages['node_modules/@dafaz/change-stream-broker'].version, VERSION)
    assert.deepEqual(await check(folder), { code: 0, stderr: '' })
  })

  for (const args of [[], ['2.0'], ['v2.0.0'], ['2.0.0', '2.0.1']]) {
    it(`refuses ${JSON.stringify(args)}`, async (t) => {
      const folder = await copyProject(t)
      const before = await readFile(join(folder, 'package.json'), 'utf8')
      const { code, stderr } = await runNode([join(folder, 'scripts/release/set_version.mjs'), ...args])
      assert.equal(code, 2)
      assert.match(stderr, /^usage: npm run set-version/)
      assert.equal(await readFile(join(folder, 'package.json'), 'utf8'), before)
    })
  }
})

describe('check_versions', () => {
  it('finds nothing here', async (t) => {
    assert.deepEqual(await check(await copyProject(t)), { code: 0, stderr: '' })
  })

  for (const [path, from, to, complaint] of [
    ['Cargo.toml', /(?<=\[workspace\.package\]\nversion = ")[^"]+/, '9.9.9', /^Cargo\.toml: 9\.9\.9 instead of /],
    ['Cargo.lock', /(?<="csb-cli"\nversion = ")[^"]+/, '9.9.9', /^Cargo\.lock: 9\.9\.9 instead of /],
    ['Cargo.lock', /csb-cli/g, 'other', /^Cargo\.lock: the version is there 3 times, not 4/],
    ['package-lock.json', /(?<="version": ")[^"]+/, '9.9.9', /^package-lock\.json: 9\.9\.9 instead of /],
    ['npm/linux-x64-gnu/package.json', /"glibc"/, '"musl"', /^npm\/linux-x64-gnu\/package\.json: other than/],
  ]) {
    it(`finds ${to} in ${path}`, async (t) => {
      const folder = await copyProject(t)
      const text = await readFile(join(folder, path), 'utf8')
      assert.notEqual(text.replace(from, to), text)
      await writeFile(join(folder, path), text.replace(from, to))
      const { code, stderr } = await check(folder)
      assert.equal(code, 1)
      assert.match(stderr, complaint)
    })
  }

  it('finds a package that the table does not have', async (t) => {
    const folder = await copyProject(t)
    await writeFile(join(folder, 'npm/linux-x64-gnu/postinstall.js'), '')
    assert.match((await check(folder)).stderr, /^npm\/linux-x64-gnu\/postinstall\.js: not in platforms\.mjs/)
  })
})

async function check(folder) {
  const { code, stderr } = await runNode([join(folder, 'scripts/release/check_versions.mjs')])
  return { code, stderr }
}
