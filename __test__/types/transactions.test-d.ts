// What must compile and what must not: sends within transactions, transactional handlers, resets of offsets.
import type {
  ChangeStreamBroker,
  ConsumerRecord,
  HandlerContext,
  PartitionReset,
  TransactionalContext,
} from '@dafaz/change-stream-broker'
import { type PaymentEvent, paymentsConsumerConfig, paymentsProducerConfig } from '@dafaz/change-stream-broker/client'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(same: Same<A, B>): void
declare const broker: ChangeStreamBroker
interface Session {
  inTransaction(): boolean
  readonly hasEnded: boolean
  readonly mine: true
}
declare const client: { startSession(options?: { causal?: boolean }): Session; db(name?: string): { name: string } }
declare const event: PaymentEvent

async function handle() {
  const consumer = await broker.createConsumer(paymentsConsumerConfig)
  await consumer.subscribe({
    transactional: { client },
    async handler(record, context) {
      same<typeof record, ConsumerRecord<PaymentEvent>>(true)
      same<typeof context, TransactionalContext<Session>>(true)
      const { session, attempt } = context
      same<typeof session, Session>(true)
      same<typeof attempt, number>(true)
    },
    errorHandler: (error, record) => same<typeof record, ConsumerRecord<PaymentEvent> | null | undefined>(true),
    maxRetries: 2,
  })
  await consumer.subscribe({
    transactional: { client },
    async batchHandler(records, { session, attempts }) {
      same<typeof records, ConsumerRecord<PaymentEvent>[]>(true)
      same<typeof session, Session>(true)
      same<typeof attempts, readonly number[]>(true)
      return { failed: [{ record: 0, error: 'no' }] }
    },
    batch: { maxMessages: 10 },
  })
  await consumer.subscribe({
    async handler(record, context) {
      same<typeof context, HandlerContext>(true)
    },
  })
  // @ts-expect-error no client
  await consumer.subscribe({ transactional: {}, handler: async () => {} })
  // @ts-expect-error a client without sessions
  await consumer.subscribe({ transactional: { client: { db: () => null } }, handler: async () => {} })
}

async function send(session: Session) {
  const producer = await broker.createProducer(paymentsProducerConfig)
  await producer.send({ value: event }, { session })
  await producer.send([{ value: event }], { atomic: true })
  await producer.send([{ value: event }], { session: undefined, atomic: undefined })
  // @ts-expect-error no session
  await producer.send({ value: event }, { session: {} })
  // @ts-expect-error no such option
  await producer.send({ value: event }, { transaction: session })
}

async function reset() {
  const resets = await broker.resetOffsets({ groupId: 'g', topic: 't', to: 'earliest', dryRun: true })
  same<typeof resets, PartitionReset[]>(true)
  const consumer = await broker.createConsumer(paymentsConsumerConfig)
  await consumer.seek(new Date(), { partitions: [0] })
  // @ts-expect-error a seek is for the consumer's own group
  await consumer.seek('latest', { groupId: 'other' })
}
