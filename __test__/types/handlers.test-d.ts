// What must compile and what must not: handlers with their options, and events.
import type {
  BatchContext,
  BatchHandlerConfig,
  BrokerEvents,
  ChangeStreamBroker,
  ChangeStreamBrokerError,
  ConsumerEvents,
  ConsumerRecord,
  HandlerContext,
  MessageHandlerConfig,
  ResumeToken,
} from '@dafaz/change-stream-broker'
import { type PaymentEvent, paymentsConsumerConfig, purchasesConsumerConfig } from '@dafaz/change-stream-broker/client'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(same: Same<A, B>): void
declare const broker: ChangeStreamBroker

// ---- time limits, retries, concurrency, batches

async function handle() {
  const consumer = await broker.createConsumer(paymentsConsumerConfig)
  await consumer.subscribe({
    async handler(record, context) {
      same<typeof context, HandlerContext>(true)
      const { signal, attempt, possibleDuplicate } = context
      signal.addEventListener('abort', () => signal.reason, { once: true })
      same<typeof attempt, number>(true)
      same<typeof possibleDuplicate, boolean>(true)
      signal.throwIfAborted()
      // @ts-expect-error not for users to set
      context.attempt = 1
    },
    retryIf: (error, record, { attempt }) => record.message.value.kind === 'paid' && error.name !== 'A' && attempt < 2,
    handlerTimeoutMs: 60_000,
    retryBackoff: 'exponential',
    maxRetryDelay: 60_000,
    concurrency: 8,
  })
  await consumer.subscribe({
    async batchHandler(records, context) {
      same<typeof records, ConsumerRecord<PaymentEvent>[]>(true)
      same<typeof context, BatchContext>(true)
      same<typeof context.attempts, readonly number[]>(true)
      same<typeof context.possibleDuplicates, readonly boolean[]>(true)
      const refused = records.filter((record) => record.message.value.kind === 'refused')
      if (context.signal.aborted) return { failed: [{ record: 0, error: new Error('too late') }] }
      if (refused.length > 0) return { failed: refused.map((record) => ({ record, error: new Error('refused') })) }
      return undefined
    },
    batch: { maxMessages: 500, maxBytes: 1024 * 1024, lingerMs: 20 },
    retryIf: async () => false,
    errorHandler: (error, record) => same<typeof record, ConsumerRecord<PaymentEvent> | null | undefined>(true),
  })
  await consumer.subscribe({ batchHandler() {} })
  const batches: BatchHandlerConfig<PaymentEvent> = { batchHandler: async (records) => {}, batch: { lingerMs: 5 } }
  await consumer.subscribe(batches)
  const either: MessageHandlerConfig<PaymentEvent> | BatchHandlerConfig<PaymentEvent> = batches
  await consumer.subscribe(either)

  // @ts-expect-error one of the two
  await consumer.subscribe({ handler() {}, batchHandler() {} })
  // @ts-expect-error neither of the two
  await consumer.subscribe({ batch: { lingerMs: 5 } })
  // @ts-expect-error a batch needs a batch handler
  await consumer.subscribe({ handler() {}, batch: { lingerMs: 5 } })
  // @ts-expect-error no such field of a batch
  await consumer.subscribe({ batchHandler() {}, batch: { size: 5 } })
  // @ts-expect-error no such backoff
  await consumer.subscribe({ handler() {}, retryBackoff: 'linear' })
  // @ts-expect-error a word, not a number
  await consumer.subscribe({ handler() {}, retryIf: () => 1 })
  // @ts-expect-error the outcome names records
  await consumer.subscribe({ batchHandler: () => ({ failed: ['a'] }) })
  // @ts-expect-error an outcome is nothing or { failed }
  await consumer.subscribe({ batchHandler: async () => 5 })
  // @ts-expect-error the batch of another topic
  await (await broker.createConsumer(purchasesConsumerConfig)).subscribe(batches)
}

// ---- groups

async function share() {
  const consumer = await broker.createConsumer({
    ...purchasesConsumerConfig,
    partitions: [0],
    assignment: 'manual',
    groupMode: 'shared',
    instanceId: undefined as string | undefined,
    sessionTimeoutMs: 15_000,
    rebalanceDelayMs: 0,
    handoverTimeoutMs: 30_000,
  })
  await consumer.subscribe({
    handler() {},
    onAssigned: ({ partitions }) => same<typeof partitions, number[]>(true),
    async onRevoked({ partitions, reason }) {
      same<typeof partitions, number[]>(true)
      same<typeof reason, 'rebalanced' | 'unsubscribed' | 'leaseLost' | 'failed'>(true)
    },
  })
  // @ts-expect-error no such assignment
  await broker.createConsumer({ ...purchasesConsumerConfig, assignment: 'eager' })
  // @ts-expect-error no such mode
  await broker.createConsumer({ ...purchasesConsumerConfig, groupMode: 'all' })
  // @ts-expect-error not a function
  await consumer.subscribe({ handler() {}, onAssigned: 5 })
}

// ---- events

async function listen() {
  const consumer = await broker.createConsumer(purchasesConsumerConfig)
  const chained: typeof consumer = consumer
    .on('assigned', ({ topic, groupId, partitions }) => {
      same<typeof partitions, number[]>(true)
      const names: string[] = [topic, groupId]
    })
    .once('committed', async ({ partition, offset }) => same<typeof offset, ResumeToken | null>(true))
    .addListener('retried', ({ messageId, attempt, errorName, delayMs }) => {
      const texts: string[] = [messageId, errorName]
      const numbers: number[] = [attempt, delayMs]
    })
    .on('revoked', ({ reason }) => {
      same<typeof reason, 'rebalanced' | 'unsubscribed' | 'leaseLost' | 'failed'>(true)
    })
    .on('unfencedWriter', ({ partition }) => same<typeof partition, number>(true))
    .on('error', ({ error }) => same<typeof error, ChangeStreamBrokerError>(true))
  const onDead = (event: ConsumerEvents['deadLettered']) => void event.attempts
  consumer.on('deadLettered', onDead).off('deadLettered', onDead).removeListener('deadLettered', onDead)
  broker.on('connected', () => {}).on('expired', ({ from, to }) => same<typeof from, Date>(true))
  const names: (keyof BrokerEvents)[] = ['connected', 'disconnected', 'recovered', 'stalled']
  for (const name of names) broker.on(name, (event) => void event)
  // @ts-expect-error no such event
  consumer.on('comitted', () => {})
  // @ts-expect-error an event of brokers
  consumer.on('connected', () => {})
  // @ts-expect-error no such detail
  consumer.on('assigned', ({ partition }) => {})
}
