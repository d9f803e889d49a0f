// Which bson package is used, and what happens to the values of others. Needs no server.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const require = createRequire(import.meta.url)
const bson6 = require('bson') // as the driver loads it: for `import` the package has another copy of its classes
const { bsonLibrary, findDriverBson } = require('../../lib/bson_library.js')
const { decode, decodeAround, encode } = require('../../lib/bson_codec.js')

describe('bsonLibrary', () => {
  let folder
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'csb-bson-'))
  })
  after(() => rm(folder, { recursive: true }))

  /** A project in which `driver` (through `parents`) sees the bson package that is installed here as `bson`. */
  async function project(name, parents, bson) {
    let directory = join(folder, name)
    for (const parent of parents) {
      directory = join(directory, 'node_modules', parent)
      await mkdir(directory, { recursive: true })
      await writeFile(
        join(directory, 'package.json'),
        JSON.stringify({ name: parent, version: '1.0.0', main: 'index.js' }),
      )
      // Loading it would be the mistake: resolving is enough.
      await writeFile(join(directory, 'index.js'), 'throw new Error("the driver was loaded")')
    }
    await mkdir(join(directory, 'node_modules'), { recursive: true })
    if (bson) await symlink(dirname(dirname(require.resolve(bson))), join(directory, 'node_modules', 'bson'), 'dir')
    return join(folder, name, 'index.js')
  }

  it("is the bson of the user's driver", async () => {
    const base = await project('driver', ['mongodb'], 'bson-7')
    assert.strictEqual(findDriverBson([base]), require('bson-7'))
  })

  it("is the bson of mongoose's driver", async () => {
    const base = await project('mongoose', ['mongoose', 'mongodb'], 'bson-7')
    assert.strictEqual(findDriverBson([base]), require('bson-7'))
  })

  it('is not the bson of a driver before version 5, and none if there is no driver', async () => {
    const old = await project('old', ['mongodb'], 'bson-4')
    const none = await project('none', ['express'])
    assert.equal(findDriverBson([old, none]), undefined)
  })

  it('the first place counts', async () => {
    const seven = await project('seven', ['mongodb'], 'bson-7')
    const six = await project('six', ['mongodb'], 'bson')
    assert.strictEqual(findDriverBson([six, seven]), require('bson'))
  })

  it('in this package is the one that the tests import', () => {
    assert.strictEqual(bsonLibrary(), require('bson'))
  })
})

describe('decode', () => {
  const values = {
    long: bson6.Long.fromNumber(5),
    binary: new bson6.Binary(Buffer.from('ab')),
    date: new Date(5),
    decimal: bson6.Decimal128.fromString('1.50'),
    n: [1, 1.5, -0, NaN],
    nested: { id: new bson6.ObjectId(), regex: /a/g },
  }

  it('keeps every type', () => {
    assert.deepStrictEqual(decode(encode(values)), values)
  })

  it('broken UTF-8 becomes U+FFFD', () => {
    const bytes = encode({ text: 'abc' })
    bytes[bytes.indexOf('abc') + 1] = 0xff
    assert.equal(decode(bytes).text, 'a\ufffdc')
  })

  it('a regular expression that JavaScript lacks stays a BSONRegExp', () => {
    const bytes = encode({ r: new bson6.BSONRegExp('(?#x)a', 'i'), n: 1 })
    const { r, n } = decode(bytes)
    assert.deepEqual([r.pattern, r.options, n], ['(?#x)a', 'i', 1])
  })

  it('decodeAround leaves the elements of one array as bytes', () => {
    const bytes = encode({ a: 1, records: [{ v: 1 }, { v: 2 }] })
    const { a, records } = decodeAround(bytes, 'records')
    assert.equal(a, 1)
    assert.deepEqual(
      records.map((record) => decode(record)),
      [{ v: 1 }, { v: 2 }],
    )
  })

  it('a field __proto__ is a field', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true}}')
    const decoded = decode(encode({ value })).value
    assert.deepEqual(Object.getOwnPropertyNames(decoded), ['__proto__'])
    assert.equal({}.polluted, undefined)
  })
})

describe('values of another major version of bson', () => {
  for (const name of ['bson-4', 'bson-7']) {
    it(`${name}: arrive as values of ours`, () => {
      const foreign = require(name)
      const hex = '65f0a1b2c3d4e5f601234567'
      const sent = {
        id: new foreign.ObjectId(hex),
        decimal: foreign.Decimal128.fromString('0.10'),
        long: foreign.Long.fromString('9007199254740993'),
        negative: foreign.Long.fromString('-9007199254740993'),
        timestamp: new foreign.Timestamp({ t: 4_000_000_000, i: 7 }),
        double: new foreign.Double(1.5),
        int: new foreign.Int32(5),
        binary: new foreign.Binary(Buffer.from('ab'), 128),
        code: new foreign.Code('return 1', { x: new foreign.ObjectId(hex) }),
        reference: new foreign.DBRef('c', new foreign.ObjectId(hex)),
        regex: new foreign.BSONRegExp('a', 'i'),
        min: new foreign.MinKey(),
        max: new foreign.MaxKey(),
        list: [new foreign.ObjectId(hex), [new Date(5), /b/g, null, undefined, 'text']],
        map: new Map([['id', new foreign.ObjectId(hex)]]),
        bytes: Buffer.from('raw'),
        dropped: undefined,
      }
      const id = new bson6.ObjectId(hex)
      assert.deepStrictEqual(decode(encode(sent)), {
        id,
        decimal: bson6.Decimal128.fromString('0.10'),
        long: bson6.Long.fromString('9007199254740993'),
        negative: bson6.Long.fromString('-9007199254740993'),
        timestamp: new bson6.Timestamp({ t: 4_000_000_000, i: 7 }),
        double: 1.5,
        int: 5,
        binary: new bson6.Binary(Buffer.from('ab'), 128),
        code: new bson6.Code('return 1', { x: id }),
        reference: new bson6.DBRef('c', id),
        regex: /a/i,
        min: new bson6.MinKey(),
        max: new bson6.MaxKey(),
        list: [id, [new Date(5), /b/g, null, null, 'text']],
        map: { id },
        bytes: new bson6.Binary(Buffer.from('raw')),
      })
    })
  }

  it('data that only looks like a value is refused, not converted', () => {
    for (const fake of [{ _bsontype: 'Int32', value: 5 }, { _bsontype: 'ObjectId' }, { _bsontype: 'Unknown' }]) {
      assert.throws(() => encode({ a: { fake } }), { name: 'BSONVersionError' })
    }
  })
})
