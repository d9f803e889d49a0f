// The client, however the package is installed: by npm, pnpm and Yarn, in workspaces and in the stages of an image. Each
// case is a tiny project, in which `require`, `import` and TypeScript have to see its own client.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { packedBroker } from '../support/packed_broker.mjs'
import { npmInstall, runNpm } from '../support/run_npm.mjs'
import { compile, compilers } from '../types/typescript_project.mjs'
import { npxCsbroker } from './npx_csbroker.mjs'
import { npmCi, runPnpm, runYarn, writeYarnSettings } from './package_managers.mjs'
import {
  COMPILER_OPTIONS,
  GENERATE_SCRIPTS,
  loaded,
  senderText,
  writeAll,
  writeDefinitions,
  writeManifest,
  writeUsers,
} from './tiny_service.mjs'

const DEADLINE_MS = 5 * 60 * 1000
const [typescript] = compilers
const TYPESCRIPT = { typescript: '5.9.3' }
const CLIENT = 'node_modules/.csbroker/client'

describe('the client is where the package is', { concurrency: 2, timeout: DEADLINE_MS }, () => {
  let top, tarball
  before(async () => {
    tarball = await packedBroker(console.error)
    top = await mkdtemp(join(tmpdir(), 'csbroker-matrix-'))
  })
  after(async () => {
    if (top) await rm(top, { recursive: true, force: true })
  })

  /** The folder of a whole service that generates by its scripts; nothing is installed. */
  async function serviceIn(folder, name, manifest = {}) {
    await writeManifest(folder, name, tarball, { scripts: GENERATE_SCRIPTS, ...manifest })
    await writeDefinitions(folder, name)
    await writeUsers(folder, name)
    return folder
  }

  async function assertOwnClient(folder, name, definitions = {}) {
    for (const program of ['load.cjs', 'load.mjs']) {
      const { stdout } = await runCommand(process.execPath, [program], { cwd: folder })
      assert.deepEqual(JSON.parse(stdout), loaded(name, definitions), program)
    }
    assert.deepEqual(await compile(typescript, folder), [])
  }

  it('npm: and it comes back with `npm ci`, which leaves stage and backups as they are', async () => {
    const folder = await serviceIn(join(top, 'npm'), 'orders')
    await npmInstall(folder)
    await assertOwnClient(folder, 'orders')

    await writeDefinitions(folder, 'orders', { partitions: 2 })
    await npxCsbroker(['generate'], folder)
    const history = await filesIn(join(folder, '.csbroker'))
    assert.ok([...history.keys()].some((path) => /^backups\/backup_\d+_\d+\/sources\/config\.ts$/.test(path)))
    await npmCi(folder)
    await assertOwnClient(folder, 'orders', { partitions: 2 })
    assert.deepEqual(await filesIn(join(folder, '.csbroker')), history)
  })

  it('pnpm', async () => {
    const folder = await serviceIn(join(top, 'pnpm'), 'orders', { type: 'module' })
    await runPnpm(['install', '--no-frozen-lockfile'], folder, join(top, 'pnpm-store'))
    await assertOwnClient(folder, 'orders')
  })

  it("Yarn with Plug'n'Play", async () => {
    const folder = await serviceIn(join(top, 'yarn'), 'orders', { dependencies: TYPESCRIPT })
    await writeYarnSettings(folder)
    await runYarn(['install'], folder)
    assert.ok(!existsSync(join(folder, 'node_modules')))
    for (const program of ['load.cjs', 'load.mjs']) {
      const { stdout } = await runYarn(['node', program], folder)
      assert.deepEqual(JSON.parse(stdout), loaded('orders'), program)
    }
    await runYarn(['tsc', '-p', '.'], folder)
  })

  it('npm workspaces: each service has its own', async () => {
    const root = join(top, 'workspaces')
    await writeAll(root, { 'package.json': JSON.stringify({ private: true, workspaces: ['services/*'] }) })
    const orders = await serviceIn(join(root, 'services/orders'), 'orders', { type: 'commonjs' })
    const billing = await serviceIn(join(root, 'services/billing'), 'billing', { type: 'module' })
    const assertBoth = () => Promise.all([assertOwnClient(orders, 'orders'), assertOwnClient(billing, 'billing')])
    await npmInstall(root)
    assert.ok(existsSync(join(root, 'node_modules/@dafaz/change-stream-broker/index.js')), 'it is shared')
    await assertBoth()
    // It removes what it has not installed; the scripts bring it back.
    await npmInstall(root)
    await assertBoth()
  })

  it('a folder that the project names in `imports`', async () => {
    const folder = join(top, 'out')
    await writeManifest(folder, 'orders', tarball, {
      imports: {
        '#csbroker/client': {
          import: './.csbroker-client/created-by-csbroker-generate.mjs',
          default: './.csbroker-client/created-by-csbroker-generate.js',
        },
      },
    })
    await writeDefinitions(folder, 'orders')
    await writeUsers(folder, 'orders', '#csbroker/client')
    await npmInstall(folder)
    await npxCsbroker(['generate', '--out', '.csbroker-client'], folder)
    assert.ok(!existsSync(join(folder, CLIENT)))
    await assertOwnClient(folder, 'orders')
  })

  it('the stages of an image: dependencies, build, and a program that runs from somewhere else', async () => {
    const [sources, build, image] = ['sources', 'build', 'image'].map((stage) => join(top, 'docker', stage))
    await writeManifest(sources, 'orders', tarball, {
      scripts: { ...GENERATE_SCRIPTS, build: 'tsc -p .' },
      devDependencies: TYPESCRIPT,
    })
    await writeDefinitions(sources, 'orders')
    const compilerOptions = { ...COMPILER_OPTIONS, noEmit: false, rootDir: 'src', outDir: 'dist' }
    await writeAll(sources, {
      'src/sender.ts': senderText('orders').replace(/.*@ts-expect-error.*\n.*\n/, ''),
      'src/main.ts': "import { send } from './sender'\n\nsend()\n",
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'] }),
    })
    await runNpm(
      ['install', '--package-lock-only', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'],
      sources,
    )
    const copy = async (from, to, ...names) => {
      for (const name of names) await cp(join(from, name), join(to, name), { recursive: true })
    }

    await copy(sources, build, 'package.json', 'package-lock.json')
    await npmCi(build)
    assert.ok(!existsSync(join(build, CLIENT)), 'there is nothing to generate from yet')
    await copy(sources, build, 'change-stream', 'src', 'tsconfig.json')
    await runNpm(['run', 'build'], build)

    await copy(sources, image, 'package.json', 'package-lock.json')
    await npmCi(image, '--omit=dev')
    await copy(sources, image, 'change-stream')
    await copy(build, image, 'dist')
    await npxCsbroker(['generate'], image)
    assert.ok(!existsSync(join(image, 'node_modules/typescript')))
    await runCommand(process.execPath, [join(image, 'dist/main.js')], {
      cwd: tmpdir(),
      env: { ...process.env, MONGODB_BROKER_URI: 'memory://image' },
    })
  })
})

/** Path in the folder -> text, of all files. */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  const texts = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')]),
  )
  return new Map(texts.sort(([one], [other]) => (one < other ? -1 : 1)))
}
