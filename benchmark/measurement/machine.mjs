// What the figures were taken on.
import { cpus, totalmem } from 'node:os'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { MongoClient } from 'mongodb'

const require = createRequire(import.meta.url)
const MODULES = new URL('../../node_modules/', import.meta.url)

export async function machineAndVersions(uri) {
  const client = new MongoClient(uri)
  const { version: mongod } = await client.db('admin').command({ buildInfo: 1 })
  await client.close()
  // Not by require: `exports` need not list it.
  const version = async (name) => JSON.parse(await readFile(new URL(`${name}/package.json`, MODULES), 'utf8')).version
  return {
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0].model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) },
    versions: {
      node: process.versions.node,
      mongod,
      ours: require('../../package.json').version,
      release_1_4_2: await version('peer-1.4.2'),
      bare_driver: await version('mongodb'),
    },
  }
}
