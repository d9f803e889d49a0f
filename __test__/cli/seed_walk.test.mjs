// The user's document, walked through by script on two fresh folders: installed, initialised, generated, every command of
// the CLI, built, and run until what was bought in one service is an enrollment in the other.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { MongoClient } from 'mongodb'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { startReplicaSet } from '../../scripts/replica_set.mjs'
import { buy, untilEnrolled } from '../e2e/purchases.mjs'
import { ServiceProcess } from '../e2e/service_process.mjs'
import { packedBroker } from '../support/packed_broker.mjs'
import { npmInstall, runNpm } from '../support/run_npm.mjs'
import { readSeedCommands, readSeedEnvironment, readSeedFiles } from '../types/seed_document.mjs'
import { npxCsbroker, RunningCsbroker } from './npx_csbroker.mjs'
import { createService, SERVICES, writeSeedFiles } from './seed_services.mjs'

const WALK_DEADLINE_MS = 10 * 60 * 1000
// The producer is CommonJS and requires NestJS 12, which has ES modules only.
const skip = !process.features.require_module && 'this Node.js cannot require ES modules'

describe('the document, step by step', { timeout: WALK_DEADLINE_MS, skip }, () => {
  const run = randomBytes(4).toString('hex')
  const database = `walk_purchases_${run}`
  const classroom = `walk_classroom_${run}`
  const walked = new Set()
  const running = new Set()
  let replicaSet, uri, client, top, tarball, watching

  before(async () => {
    tarball = await packedBroker(console.error)
    if (!process.env.MONGODB_BROKER_URI) replicaSet = await startReplicaSet()
    uri = process.env.MONGODB_BROKER_URI ?? replicaSet.uri
    client = await new MongoClient(uri).connect()
    top = await mkdtemp(join(tmpdir(), 'csbroker-walk-'))
    await both((folder, service) => createService(service, folder, console.error))
  })

  after(async () => {
    watching?.kill()
    await Promise.all([...running].map((service) => service.stop('SIGKILL')))
    await Promise.all([database, classroom].map((name) => client?.db(name).dropDatabase()))
    await client?.close()
    await replicaSet?.stop()
    if (top) await rm(top, { recursive: true })
  })

  const folderOf = ({ name }) => join(top, name)
  const producer = () => join(top, 'producer')
  const both = (step) => Promise.all(SERVICES.map((service) => step(folderOf(service), service)))

  function csbroker(folder, ...args) {
    walked.add(args[0])
    return npxCsbroker(args, folder)
  }

  /** What a program of the service gets when it loads the client now. */
  async function clientOf(folder) {
    const program = "JSON.stringify(require('@dafaz/change-stream-broker/client'))"
    return JSON.parse((await runCommand(process.execPath, ['-p', program], { cwd: folder })).stdout)
  }

  const configOf = (folder) => readFile(join(folder, 'change-stream/config.ts'), 'utf8')
  const seedText = async (service, path) => (await readSeedFiles()).get(service).get(path)

  it('npm install', () => both((folder) => npmInstall(folder, [tarball])))

  it('csbroker init makes both files', async () => {
    await both(async (folder) => {
      const { stdout } = await csbroker(folder, 'init')
      for (const file of ['config.ts', 'message-payload.schema.ts']) {
        assert.match(stdout, new RegExp(`^ {2}created +change-stream/${file.replaceAll('.', '\\.')}`, 'm'))
        assert.ok(existsSync(join(folder, 'change-stream', file)))
      }
    })
  })

  it("csbroker generate makes the client of the document's files", async () => {
    await both(async (folder, service) => {
      await writeSeedFiles(service, folder, 'change-stream/')
      const { stdout } = await csbroker(folder, 'generate')
      const line = {
        producer: 'purchasesProducerConfig  →  purchases.new-purchase   PurchaseCreatedPayload',
        consumer:
          'purchasesConsumerConfig  ←  purchases.new-purchase   PurchaseCreatedPayload   group classroom-service',
      }[service.name]
      assert.ok(stdout.includes(`\n  ${line}\n`), stdout)
    })
  })

  it('the client has the variables of .env', async () => {
    const values = { MONGODB_BROKER_URI: uri, MONGODB_BROKER_DATABASE: database }
    const env = (await readSeedEnvironment()).replace(/^(\w+)="[^"]*"$/gm, (_, name) => `${name}="${values[name]}"`)
    await both(async (folder) => {
      await writeFile(join(folder, '.env'), env)
      const { brokerConfig } = await clientOf(folder)
      assert.deepEqual([brokerConfig.mongoUri, brokerConfig.database], [uri, database])
    })
  })

  it('csbroker watch generates when a file is saved, until Ctrl-C', async () => {
    walked.add('watch')
    watching = new RunningCsbroker(['watch'], producer())
    await watching.untilLine(/ ✔ up to date in \d+ ms$/)
    const edited = (await configOf(producer())).replace('partitions: 1,', 'partitions: 2,')
    // At once, as editors do: half a file would be read, too.
    await writeFile(join(producer(), 'edited.ts'), edited)
    await rename(join(producer(), 'edited.ts'), join(producer(), 'change-stream/config.ts'))
    await watching.untilLine(/ ✔ generated in \d+ ms \(config\.ts\)$/)
    assert.equal((await clientOf(producer())).purchasesProducerConfig.partitions, 2)
    await watching.interrupt()
    await watching.untilLine(/^watching has ended$/)
  })

  it('csbroker backups names what was replaced, csbroker restore brings it back', async () => {
    const { stdout } = await csbroker(producer(), 'backups')
    const [, name] = /^(backup_\d{8}_\d{6}) .* config\.ts \+1 -1$/m.exec(stdout)
    await csbroker(producer(), 'restore', name)
    assert.equal((await clientOf(producer())).purchasesProducerConfig.partitions, 1)
    assert.match(await configOf(producer()), /partitions: 2,/)
  })

  it('csbroker stage shows the restored files, csbroker diff how they differ', async () => {
    const staged = await csbroker(producer(), 'stage')
    assert.ok(staged.stdout.includes(`==> config.ts <==\n${await seedText('producer', 'change-stream/config.ts')}`))
    const { stdout } = await csbroker(producer(), 'diff')
    assert.match(stdout, /^-\tpartitions: 1,\n\+\tpartitions: 2,$/m)
  })

  it('csbroker apply-stage takes them over', async () => {
    // On a terminal it shows a list to choose from.
    await assert.rejects(csbroker(producer(), 'apply-stage'), ({ cause }) => cause.code === 3)
    assert.match(await configOf(producer()), /partitions: 2,/)
    await csbroker(producer(), 'apply-stage', '--force')
    assert.equal(await configOf(producer()), await seedText('producer', 'change-stream/config.ts'))
    const { stdout, stderr } = await csbroker(producer(), 'diff')
    assert.equal(stdout, '')
    assert.match(stderr, /^No differences: /)
  })

  it('these were all commands of the document', async () => assert.deepEqual(walked, await readSeedCommands()))

  it("the services compile with the document's files", async () => {
    await both(async (folder, service) => {
      await writeSeedFiles(service, folder, 'src/')
      await runNpm(['run', 'build'], folder)
      assert.ok(existsSync(join(folder, 'dist/messaging/change-stream.service.js')))
    })
  })

  it('a purchase in one becomes an enrollment in the other', async () => {
    const env = { producer: {}, consumer: { CLASSROOM_DATABASE: classroom } }
    const [selling, enrolling] = await both(async (folder, { name }) => {
      const service = await ServiceProcess.start(folder, folder, env[name])
      running.add(service)
      return service
    })
    await untilEnrolled(
      client.db(classroom).collection('enrollments'),
      'customer-1',
      'product-2',
      () => enrolling,
      () => buy(selling, 'customer-1', 'product-2'),
    )
  })
})
