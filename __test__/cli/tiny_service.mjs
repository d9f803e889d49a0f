// A service that is no more than its client: what it defines, and programs that load it and send with it.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PACKAGE } from '../support/packed_broker.mjs'

/** The scripts that README advises. */
export const GENERATE_SCRIPTS = {
  postinstall: 'csbroker generate --if-present',
  prebuild: 'csbroker generate --if-present',
}

/** Writes package.json of the service `name`, which has the broker of `tarball`. */
export async function writeManifest(folder, name, tarball, { dependencies, ...manifest } = {}) {
  const all = { [PACKAGE]: `file:${tarball}`, ...dependencies }
  const text = JSON.stringify({ name, version: '1.0.0', private: true, ...manifest, dependencies: all }, null, 2)
  await writeAll(folder, { 'package.json': `${text}\n` })
}

/** Writes change-stream/ of the service `name`: all names in it are its own. */
export async function writeDefinitions(folder, name, { partitions = 1 } = {}) {
  await writeAll(folder, {
    'change-stream/csbroker-env.d.ts': `/// <reference types="${PACKAGE}/globals" />\n`,
    'change-stream/message-payload.schema.ts': `export interface ${name}Payload {\n  ${name}Id: string\n}\n`,
    'change-stream/config.ts': `
export const brokerConfig = defineBroker({ mongoUri: process.env.MONGODB_BROKER_URI, autoCreateTopics: true, logContext: '${name}' })
export const ${name}Producer = defineProducer({ topic: '${name}.placed', partitions: ${partitions}, retentionMs: 60_000 })
`,
  })
}

/** Writes programs that load the client, by `require` and by `import`, and sources that compile with it alone. */
export async function writeUsers(folder, name, client = `${PACKAGE}/client`) {
  const imported = `{ ChangeStreamBroker } from '${PACKAGE}'`
  const required = `{ ChangeStreamBroker } = require('${PACKAGE}')`
  const names = `{ brokerConfig, ${name}Producer, producers }`
  const print = `
const made = [new ChangeStreamBroker({ ...brokerConfig, mongoUri: 'memory://${name}' })].length
console.log(JSON.stringify({ made, context: brokerConfig.logContext, ...${name}Producer, names: Object.keys(producers) }))
`
  const sender = senderText(name, client)
  await writeAll(folder, {
    'load.cjs': `const ${required}\nconst ${names} = require('${client}')\n${print}`,
    'load.mjs': `import ${imported}\nimport ${names} from '${client}'\n${print}`,
    'sender.cts': sender,
    'sender.mts': sender,
    'tsconfig.json': JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ['sender.cts', 'sender.mts'] }),
  })
}

export const COMPILER_OPTIONS = {
  strict: true,
  target: 'es2022',
  lib: ['es2022'],
  types: [],
  module: 'nodenext',
  skipLibCheck: true,
  rootDir: '.',
  noEmit: true,
}

/** What `load.cjs` and `load.mjs` print. */
export function loaded(name, { partitions = 1 } = {}) {
  return {
    made: 1,
    context: name,
    topic: `${name}.placed`,
    partitions,
    retentionMs: 60_000,
    names: [`${name}Producer`],
  }
}

/** A module with `send()`. It compiles only where the client is this service's and knows the payload of its topic. */
export function senderText(name, client = `${PACKAGE}/client`) {
  return `
import { ChangeStreamBroker } from '${PACKAGE}'
import { brokerConfig, type ${name}Payload, ${name}Producer } from '${client}'

const payload: ${name}Payload = { ${name}Id: '1' }

export async function send(): Promise<void> {
  const broker = new ChangeStreamBroker(brokerConfig)
  await broker.connect()
  const producer = await broker.createProducer(${name}Producer)
  await producer.send({ key: '1', value: payload })
  // @ts-expect-error This is not the payload of this topic.
  await producer.send({ key: '2', value: { nothing: 'of this topic' } })
  await broker.disconnect()
}
`
}

/** Writes files: path in the folder -> text. */
export async function writeAll(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}
