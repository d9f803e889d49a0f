// The table of platforms against the places that repeat it, because a file for users or for another tool cannot import it.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { PREBUILT_PLATFORMS } from '../../lib/platform.js'
import { addonFile, mainManifest, PLATFORMS, packageName } from '../../scripts/release/platforms.mjs'

const projectFile = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const read = (path) => readFile(projectFile(path), 'utf8')
const workflow = async (name) => parse(await read(`.github/workflows/${name}.yml`))
const names = PLATFORMS.map(({ name }) => name).sort()

describe('every platform', () => {
  it('is known to the loader', async () => {
    assert.deepEqual(PREBUILT_PLATFORMS, names)
    const requests = [
      ...(await read('lib/require_addon.js')).matchAll(
        /case '([^']+)':\s+return \{ exported: require\('([^']+)'\) \}/g,
      ),
    ]
    for (const [, request, required] of requests) assert.equal(required, request)
    const expected = PLATFORMS.flatMap((platform) => [
      `../${addonFile(platform)}`,
      `${packageName(platform)}/package.json`,
      packageName(platform),
    ])
    assert.deepEqual(requests.map(([, request]) => request).sort(), expected.sort())
  })

  it('is a target of napi', () => {
    assert.deepEqual(mainManifest().napi.targets.sort(), PLATFORMS.map(({ target }) => target).sort())
  })

  it('is built and tried before anything is published', async () => {
    const { jobs } = await workflow('release')
    const rows = (job) => jobs[job].strategy.matrix.include
    assert.deepEqual(
      rows('build').map(({ platform, target }) => ({ platform, target })),
      PLATFORMS.map(({ name, target }) => ({ platform: name, target })),
    )
    assert.deepEqual([...new Set(rows('smoke').map(({ platform }) => platform))].sort(), names)
    assert.deepEqual([jobs.smoke.needs, jobs.publish.needs], ['build', ['test', 'smoke']])
  })
})

describe('workflows', () => {
  for (const name of ['ci', 'release']) {
    it(`${name}: the scripts that it runs exist`, async () => {
      const text = await read(`.github/workflows/${name}.yml`)
      const { scripts } = mainManifest()
      for (const [, path] of text.matchAll(/\bnode (scripts\/\S+\.mjs)/g))
        assert.ok(existsSync(projectFile(path)), path)
      for (const [, script] of text.matchAll(/\bnpm run ([\w:-]+)/g)) assert.ok(script in scripts, script)
      const steps = Object.values((await workflow(name)).jobs).flatMap((job) => job.steps ?? [])
      for (const step of steps) assert.ok('run' in step !== 'uses' in step, JSON.stringify(step))
    })
  }
})
