// What must compile and what must not: the link from a topic to its payload type, and what may be left out.
import {
  type BrokerLogger,
  ChangeStreamBroker,
  ChangeStreamBrokerError,
  type ChangeStreamConsumer,
  type ChangeStreamProducer,
  type ConsumerRecord,
  DateToTimestamp,
  type DeadLetter,
  type DeadLetters,
  defineBroker,
  defineConsumer,
  defineProducer,
  defineTopic,
  type ErrorCode,
  LogLevel,
  type Message,
  type MessageHandlerConfig,
  type PayloadOf,
  type ProducerConfig,
  type ProducerMessage,
  type ReceivedMessage,
} from '@dafaz/change-stream-broker'
import {
  brokerConfig,
  consumers,
  type MessagePayloads,
  type MessageType,
  type PaymentEvent,
  paymentsConsumerConfig,
  paymentsProducerConfig,
  producers,
  type PurchaseCreatedPayload,
  purchasesConsumerConfig,
  purchasesProducerConfig,
  untypedProducerConfig,
} from '@dafaz/change-stream-broker/client'
import * as define from '@dafaz/change-stream-broker/define'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(same: Same<A, B>): void
declare const env: { [name: string]: string | undefined }
declare const purchase: PurchaseCreatedPayload
declare const broker: ChangeStreamBroker

// ---- configurations

defineBroker({ mongoUri: env['MONGODB_BROKER_URI'], database: env['MONGODB_BROKER_DATABASE'] })
const uri: string = defineBroker({ mongoUri: 'mongodb://127.0.0.1/?replicaSet=rs0' }).mongoUri
new ChangeStreamBroker({
  mongoUri: uri,
  logLevel: 'DEBUG',
  deliveryTimeoutMs: 30_000,
  maxBufferedBytes: 64 * 1024 * 1024,
  shutdownGraceMs: 25_000,
  operationTimeoutMs: 30_000,
})
defineTopic({ name: 'payments', collection: 'payments', partitions: 3, retentionMs: 86_400_000 })
defineProducer<PaymentEvent>({
  topic: 'payments',
  partitions: 3,
  retentionMs: 86_400_000,
  partitionStrategy: 'key-based',
})
defineConsumer({ groupId: 'ledger', topic: 'payments' })
defineConsumer({
  groupId: 'ledger',
  topic: 'payments',
  partitions: [0, 1],
  maxBufferedBytes: 1024 * 1024,
  options: {
    batchSize: 100,
    maxAwaitTimeMS: 1000,
    fullDocument: 'updateLookup',
    startAtOperationTime: DateToTimestamp(new Date()),
  },
})
define.defineProducer({ topic: 'payments', partitions: 1, retentionMs: 1000 })

// @ts-expect-error mongoUri must be named, even if its value is not known to be there
defineBroker({ database: 'purchase-events' })
// @ts-expect-error logLevel is one of five names
defineBroker({ mongoUri: uri, logLevel: 'VERBOSE' })
// @ts-expect-error no such field
defineBroker({ mongoUri: uri, databse: 'purchase-events' })
// @ts-expect-error unknown strategy
defineProducer({ topic: 'payments', partitions: 1, retentionMs: 1000, partitionStrategy: 'random' })
// @ts-expect-error a producer says how many partitions its topic has
defineProducer({ topic: 'payments', retentionMs: 1000 })
// @ts-expect-error required fields may not be undefined
defineProducer({ topic: undefined, partitions: 1, retentionMs: 1000 })
// @ts-expect-error a consumer names partitions, not their number
defineConsumer({ groupId: 'ledger', topic: 'payments', partitions: 3 })
// @ts-expect-error a consumer belongs to a group
defineConsumer({ topic: 'payments' })
// @ts-expect-error batchSize is a number
defineConsumer({ groupId: 'ledger', topic: 'payments', options: { batchSize: '100' } })
// @ts-expect-error a topic has a retention
defineTopic({ name: 'payments', collection: 'payments', partitions: 1 })

// ---- loggers

type Write = (text: string) => void
declare const leveled: { debug: Write; info: Write; warn: Write; error: Write }
const loggers: BrokerLogger[] = [leveled, { error() {}, warn() {}, log(_message: string, _context?: string) {} }]
new ChangeStreamBroker({ ...brokerConfig, logger: loggers[0] })
// @ts-expect-error neither info nor log
new ChangeStreamBroker({ ...brokerConfig, logger: { error() {}, warn() {} } })
const level: number = LogLevel.WARN

// ---- sending

async function send() {
  const producer = await broker.createProducer(purchasesProducerConfig)
  same<typeof producer, ChangeStreamProducer<PurchaseCreatedPayload>>(true)
  await producer.send({ value: purchase })
  const headers = { eventType: 'purchase.created', traceparent: '00-…' }
  await producer.send([{ key: 'k', value: purchase, timestamp: new Date(), headers, messageId: 'order-1' }])
  const frozen: readonly ProducerMessage<PurchaseCreatedPayload>[] = [{ value: purchase, key: env['KEY'] }]
  await producer.send(frozen)

  // @ts-expect-error another payload
  await producer.send({ value: { total: 1 } })
  // @ts-expect-error a property is missing
  await producer.send({ value: { customer: { id: '1', authUserId: '2' }, product: { id: '3', title: '4' } } })
  // @ts-expect-error a property of the wrong type
  await producer.send({ value: { ...purchase, customer: { id: 1, authUserId: '2' } } })
  // @ts-expect-error a property too many
  await producer.send({ value: { customer: { id: '1', authUserId: '2', vip: true }, product: purchase.product } })
  // @ts-expect-error a property too many, in an array
  await producer.send([{ value: { customer: { id: '1', authUserId: '2', vip: true }, product: purchase.product } }])
  // @ts-expect-error a message has a value
  await producer.send({ key: '1' })
  // @ts-expect-error timestamps are dates
  await producer.send({ value: purchase, timestamp: Date.now() })
  // @ts-expect-error the type argument must fit the topic
  await producer.send<PaymentEvent>({ value: { kind: 'paid', cents: 1 } })
  // @ts-expect-error no such field in a message
  await producer.send({ value: purchase, header: {} })
  // @ts-expect-error not for users to set
  producer.isConnected = true

  const payments = await broker.createProducer(paymentsProducerConfig)
  await payments.send({ value: { kind: 'refused', reason: 'no funds' } })
  // @ts-expect-error half of the one, half of the other
  await payments.send({ value: { kind: 'refused', cents: 1 } })

  const untyped = await broker.createProducer({ topic: 'free', partitions: 1, retentionMs: 1000 })
  await untyped.send([{ value: 5 }, { value: 'text' }, { value: null }, { value: { any: ['thing'] } }])
  await untyped.send<PurchaseCreatedPayload>({ value: purchase })
  const open = await broker.createProducer(untypedProducerConfig)
  await open.send({ value: { any: 'thing' } })
}

// Wrappers of a user's own stay generic.
async function publish<T>(config: ProducerConfig<T>, value: T) {
  const producer = await broker.createProducer(config)
  await producer.send({ value })
  await producer.send([{ value }])
}
async function publishUntyped<T>(producer: ChangeStreamProducer, value: T) {
  await producer.send({ value })
  await producer.send<T>({ value })
}
async function consumeWith<T>(consumer: ChangeStreamConsumer<T>, config: MessageHandlerConfig<T>) {
  await consumer.subscribe(config)
  await consumer.subscribe<T>(config)
}
async function consumeUntypedWith<T>(consumer: ChangeStreamConsumer, config: MessageHandlerConfig<T>) {
  await consumer.subscribe(config)
}

// ---- receiving

async function receive() {
  const consumer = await broker.createConsumer(purchasesConsumerConfig)
  same<typeof consumer, ChangeStreamConsumer<PurchaseCreatedPayload>>(true)
  await consumer.subscribe({
    handler(record) {
      same<typeof record, ConsumerRecord<PurchaseCreatedPayload>>(true)
      same<typeof record.message.id, string>(true)
      const slug: string = record.message.value.product.slug
    },
    errorHandler(error, record, attempt) {
      same<typeof error, Error>(true)
      if (record && attempt?.willRetry) same<typeof attempt.attempt, number>(true)
    },
    maxRetries: 3,
    retryDelay: 1000,
    autoCommit: true,
  })
  const config: MessageHandlerConfig<PurchaseCreatedPayload> = {
    handler: async (record: ConsumerRecord<PurchaseCreatedPayload>) => {},
    errorHandler: async (error: Error, record?: any) => {},
  }
  await consumer.subscribe(config)
  await (await broker.createConsumer({ groupId: 'ledger', topic: 'free' })).subscribe(config)

  // @ts-expect-error the handler expects another payload
  await consumer.subscribe({ handler: (record: ConsumerRecord<PaymentEvent>) => {} })
  // @ts-expect-error the handler takes a record, not the payload
  await consumer.subscribe({ handler: (value: PurchaseCreatedPayload) => {} })
  // @ts-expect-error no such property in the payload
  await consumer.subscribe({ handler: (record) => record.message.value.total })
  // @ts-expect-error a configuration without handler
  await consumer.subscribe({ maxRetries: 3 })
  // @ts-expect-error the configuration of a handler for another topic
  await (await broker.createConsumer(paymentsConsumerConfig)).subscribe(config)
  // @ts-expect-error attempt is absent when the consumer itself fails
  await consumer.subscribe({ handler() {}, errorHandler: (error, record, attempt) => void attempt.willRetry })

  const payments = await broker.createConsumer(paymentsConsumerConfig)
  await payments.subscribe({
    handler({ message: { value } }) {
      const amount: number | string = value.kind === 'paid' ? value.cents : value.reason
    },
  })
}

// ---- dead letters

async function lookAfterLetters() {
  const consumer = await broker.createConsumer(paymentsConsumerConfig)
  const { deadLetters } = consumer
  same<typeof deadLetters, DeadLetters<PaymentEvent>>(true)
  const { letters, after } = await deadLetters.list({ limit: 10, order: 'oldest', after: null })
  for await (const letter of deadLetters.iterate({ errorName: 'TypeError', since: new Date() })) {
    same<typeof letter, DeadLetter<PaymentEvent>>(true)
    if (letter.message?.value.kind === 'paid') await deadLetters.redrive(letter.messageId)
  }
  const counts: number[] = [
    await deadLetters.count(),
    await deadLetters.redrive({ messageId: letters.map((letter) => letter.messageId) }, { ratePerSecond: 5 }),
    await deadLetters.cancelRedrive({ redriving: true }),
    await deadLetters.purge({ all: true }),
    await broker.getDeadLetters('ledger').purge({ topic: 'payments', partition: 0 }),
  ]
  await deadLetters.list({ after })
  await consumer.subscribe({ handler: ({ redriven }) => same<typeof redriven, true | undefined>(true) })
  // @ts-expect-error a purge says what
  await deadLetters.purge()
  // @ts-expect-error no such condition
  await deadLetters.redrive({ errorname: 'TypeError' })
  // @ts-expect-error of which group
  broker.getDeadLetters()
  // @ts-expect-error it belongs to the consumer
  consumer.deadLetters = deadLetters
}

// ---- what the payload slot gives, and what it must not let through

same<PayloadOf<typeof purchasesProducerConfig>, PurchaseCreatedPayload>(true)
same<PayloadOf<typeof consumers.paymentsConsumerConfig>, PaymentEvent>(true)
same<PayloadOf<ChangeStreamProducer<PaymentEvent>>, PaymentEvent>(true)
same<PayloadOf<ChangeStreamConsumer<PaymentEvent>>, PaymentEvent>(true)
same<PayloadOf<ConsumerRecord<PaymentEvent>>, PaymentEvent>(true)
same<PayloadOf<Message<PaymentEvent>>, PaymentEvent>(true)
same<PayloadOf<ReceivedMessage<PaymentEvent>>, PaymentEvent>(true)
same<PayloadOf<{ unrelated: 1 }>, never>(true)
const topics: MessageType[] = ['purchases.new-purchase', 'any.other']
const anyTopic: MessagePayloads['any.other'] = { any: 'thing' }
const list: ProducerConfig[] = [producers.purchasesProducerConfig, producers.paymentsProducerConfig]
// @ts-expect-error the configurations of two topics are not interchangeable
const mixedUp: typeof purchasesProducerConfig = paymentsProducerConfig
// @ts-expect-error the slot is no property that code could use
purchasesProducerConfig.payload

// @ts-expect-error the machinery behind the types is not exported
type Hidden = import('@dafaz/change-stream-broker').NotInferred<{}>

// ---- subclasses may use any name

class Service extends ChangeStreamBroker {
  private readonly logger = { log() {} }
  private readonly config = 1
  protected consumers: ChangeStreamConsumer[] = []
  readonly producers = new Map<string, ChangeStreamProducer>()
  topicManager?: string
  offsetStorage?: string
  consumerGroupManager?: string

  constructor() {
    super(brokerConfig)
  }
}

// ---- errors

function explain(error: unknown): ErrorCode | undefined {
  if (!(error instanceof ChangeStreamBrokerError)) return undefined
  const { kind, retryable, effect, status, topic, partition, groupId, cause } = error
  if (kind === 'unavailable' && retryable && effect === 'none' && status !== 'unknown') return error.code
  // @ts-expect-error no such kind
  if (kind === 'fatal') return undefined
  // @ts-expect-error no such code
  return error.code === 'ERR_CSB_NO_SUCH_CODE' ? error.code : undefined
}
new ChangeStreamBrokerError('no answer', {
  code: 'ERR_CSB_TIMEOUT',
  kind: 'unavailable',
  retryable: true,
  effect: 'possible',
})
