// Values go back and forth between this package and the MongoDB driver without a cast.
import {
  type BrokerConfigInput,
  ChangeStreamBroker,
  type ChangeStreamWatchOptions,
  type ConsumerRecord,
  DateToTimestamp,
  type Document,
  type ResumeToken,
} from '@dafaz/change-stream-broker'
import { Logger, type LoggerService } from '@nestjs/common'
import type * as driver from 'mongodb'

declare const ours: Document
declare const theirs: driver.Document
const toTheirs: driver.Document = ours
const toOurs: Document = theirs
const options: driver.ChangeStreamOptions = { startAtOperationTime: DateToTimestamp(new Date()) }

declare const token: driver.ResumeToken
const kept: ResumeToken = token
const resumed: driver.ChangeStreamOptions = { resumeAfter: kept }

declare const time: driver.Timestamp
declare const preference: driver.ReadPreference
const watch: ChangeStreamWatchOptions = {
  startAtOperationTime: time,
  resumeAfter: token,
  readPreference: preference,
  collation: { locale: 'pt', strength: 1 } satisfies driver.CollationOptions,
}

interface Order {
  _id: driver.ObjectId
  total: driver.Decimal128
}
async function copy(broker: ChangeStreamBroker, orders: driver.Collection<Order>) {
  const producer = await broker.createProducer<Order>({ topic: 'orders', partitions: 1, retentionMs: 1000 })
  const order: driver.WithId<Order> | null = await orders.findOne({})
  if (order) await producer.send({ key: order._id.toHexString(), value: order })
  const consumer = await broker.createConsumer<Order>({ groupId: 'copy', topic: 'orders' })
  await consumer.subscribe({ handler: async (record) => void (await orders.insertOne(record.message.value)) })
  await consumer.subscribe({ handler: (record: ConsumerRecord<driver.Document>) => {} })
  await consumer.subscribe({
    async handler({ message }, { signal }) {
      const whole: AbortSignal = signal
      await fetch(`http://localhost/${message.value._id}`, { signal: AbortSignal.any([signal, whole]) })
    },
  })
}

declare const nest: LoggerService
const configs: BrokerConfigInput[] = [
  { mongoUri: '', logger: new Logger('Broker') },
  { mongoUri: '', logger: nest },
  { mongoUri: '', logger: console },
]

async function transact(broker: ChangeStreamBroker, client: driver.MongoClient, orders: driver.Collection<Order>) {
  const producer = await broker.createProducer<Order>({ topic: 'orders', partitions: 1, retentionMs: 1000 })
  const consumer = await broker.createConsumer<Order>({ topic: 'orders', groupId: 'copies' })
  await consumer.subscribe({
    transactional: { client },
    async handler({ message }, { session }) {
      const own: driver.ClientSession = session
      await orders.insertOne(message.value, { session })
      await producer.send({ value: message.value }, { session: own })
    },
  })
}
