// With a program in the place of npm, which notes what it is asked to do.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { mainManifest, PLATFORMS, packageName, tarballName } from '../../scripts/release/platforms.mjs'
import { runNode } from '../scripts/child_process_probe.mjs'
import { copyProject } from './project_copy.mjs'

const posix = { skip: process.platform === 'win32' && 'stands in for npm with a shell script' }
const { name, version } = mainManifest()
const tarballs = [...PLATFORMS.map(packageName), name].map((one) => tarballName({ name: one, version }))

describe('publish_packages', posix, () => {
  /** Runs it with an npm that answers `view` by this script; resolves to the arguments of each `npm publish`. */
  async function publish(t, view) {
    const folder = await copyProject(t)
    const log = join(folder, 'published')
    await mkdir(join(folder, 'bin'))
    await writeFile(log, '')
    const script = `#!/bin/sh\nif [ "$1" = view ]; then\n${view}\nelse echo "$@" >> '${log}'; fi\n`
    await writeFile(join(folder, 'bin/npm'), script, { mode: 0o755 })
    const env = { PATH: `${join(folder, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}` }
    const ended = await runNode([join(folder, 'scripts/release/publish_packages.mjs')], { env })
    const published = (await readFile(log, 'utf8')).split('\n').filter(Boolean)
    return { ...ended, folder, published }
  }

  it('the platforms first, the main package last, with provenance, a pre-release not as the latest', async (t) => {
    const { code, stderr, folder, published } = await publish(t, 'echo E404 >&2; exit 1')
    assert.equal(code, 0, stderr)
    const tag = version.includes('-') ? 'next' : 'latest'
    const options = `--provenance --access public --tag ${tag}`
    assert.deepEqual(
      published,
      tarballs.map((tarball) => `publish ${join(folder, 'dist', tarball)} ${options}`),
    )
  })

  it('what is there already is passed over', async (t) => {
    const { code, published } = await publish(t, `case "$2" in *-linux-*) echo ${version} ;; esac`)
    assert.equal(code, 0)
    assert.deepEqual(
      published.map((line) => /[^/]+\.tgz/.exec(line)[0]),
      tarballs.filter((tarball) => !tarball.includes('-linux-')),
    )
  })

  it('a registry that cannot be asked stops it', async (t) => {
    const { code, stderr, published } = await publish(t, 'echo "E500 out of order" >&2; exit 1')
    assert.deepEqual([code, published], [1, []])
    assert.match(stderr, /E500 out of order/)
  })
})
