// The MongoDB drivers that a user may have: each with its own bson.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Name and `connect(uri)`, which resolves to a client that the caller closes. */
export const drivers = ['mongodb-5', 'mongodb', 'mongodb-7'].map((name) => ({
  name: `${name} ${require(`${name}/package.json`).version}`,
  async connect(uri) {
    const { MongoClient } = require(name)
    return await new MongoClient(uri).connect()
  },
}))
