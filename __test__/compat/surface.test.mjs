// Everything public in 1.4.2's declarations exists here, with at least as many parameters.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { ours, peer } from '../support/peer.mjs'

const folder = dirname(createRequire(import.meta.url).resolve('peer-1.4.2'))
const declarations = {
  ChangeStreamBroker: 'broker/change-stream-broker.d.ts',
  ChangeStreamProducer: 'producer/producer.d.ts',
  ChangeStreamConsumer: 'consumer/consumer.d.ts',
  ConsumerGroupManager: 'consumer/consumer-group.d.ts',
  OffsetStorage: 'storage/offset-storage.d.ts',
  TopicManager: 'broker/topic-manager.d.ts',
}

/** Names of the public methods and fields in a declaration file of 1.4.2. */
function publicMembers(file) {
  const text = readFileSync(join(folder, file), 'utf8')
  const body = text.slice(text.indexOf('export declare class'))
  const members = Array.from(body.matchAll(/^ {4}(?!private |constructor)(\w+)/gm), ([, name]) => name)
  assert.ok(members.length >= 4, `${file}: ${members}`)
  return members
}

describe('the surface of 1.4.2', () => {
  it('every exported name', () => {
    for (const name of Object.keys(peer)) assert.equal(typeof ours[name], typeof peer[name], name)
  })

  for (const [name, file] of Object.entries(declarations)) {
    it(`every public member of ${name}`, () => {
      for (const member of publicMembers(file)) {
        const descriptor = Object.getOwnPropertyDescriptor(ours[name].prototype, member)
        assert.ok(descriptor, `${name}.${member}`)
        const theirs = peer[name].prototype[member]
        if (typeof theirs !== 'function') continue
        assert.equal(typeof descriptor.value, 'function', `${name}.${member}`)
        assert.equal(descriptor.value.constructor.name, theirs.constructor.name, `${name}.${member}: async or not`)
      }
    })
  }

  it('the define functions return what they are given', () => {
    for (const define of ['defineBroker', 'defineTopic', 'defineProducer', 'defineConsumer']) {
      const config = Object.freeze({ any: 'thing' })
      assert.strictEqual(ours[define](config), config)
    }
  })

  it('DateToTimestamp puts the seconds where the server reads them, unlike 1.4.2', () => {
    const date = new Date('2024-05-06T07:08:09.999Z')
    const timestamp = ours.DateToTimestamp(date)
    assert.deepEqual([timestamp.t, timestamp.i], [Math.floor(date / 1000), 0])
    const theirs = peer.DateToTimestamp(date)
    assert.deepEqual([theirs.t, theirs.i], [0, Math.floor(date / 1000)])
    for (const bad of [new Date(NaN), undefined, 5, '2024', new Date(-1)]) {
      assert.throws(() => ours.DateToTimestamp(bad), { code: 'ERR_CSB_INVALID_CONFIG' })
    }
  })

  it('has the same messages where code may look at them', async () => {
    const producer = new ours.ChangeStreamProducer({ topic: 't', partitions: 1, retentionMs: 1000 }, 'mongodb://h', 'd')
    const theirs = new peer.ChangeStreamProducer({ topic: 't', partitions: 1, retentionMs: 1000 }, 'mongodb://h', 'd')
    const messages = []
    for (const each of [theirs, producer]) {
      await each.send({ value: 1 }).catch((error) => messages.push(error.message))
    }
    assert.equal(messages.length, 2)
    assert.ok(messages[1].startsWith(messages[0]), messages.join(' / '))
  })
})
