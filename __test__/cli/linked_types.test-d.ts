// What must compile and what must not with the client of golden/linked-types/: each topic has its payload type.
import {
  ChangeStreamBroker,
  type ChangeStreamConsumer,
  type ChangeStreamProducer,
  type ConsumerRecord,
  type PayloadOf,
} from '@dafaz/change-stream-broker'
import {
  brokerConfig,
  type consumers,
  type everyProducerConfig,
  type inheritedConsumerConfig,
  type MessagePayloads,
  type MessageType,
  type PaymentEvent,
  paymentsConsumerConfig,
  paymentsProducerConfig,
  producers,
  type PurchaseCreatedPayload,
  purchasesConsumerConfig,
  purchasesProducerConfig,
  type Refund,
  refundsProducerConfig,
  topicOfEnvironment,
} from '@dafaz/change-stream-broker/client'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(same: Same<A, B>): void
declare const purchase: PurchaseCreatedPayload
const broker = new ChangeStreamBroker(brokerConfig)

// ---- the map

const everyTopic: Record<MessageType, true> = {
  'purchases.new-purchase': true,
  payments: true,
  refunds: true,
  inherited: true,
}
// @ts-expect-error no such topic
const anyTopic: MessageType = 'shipments'
same<MessagePayloads['payments'], PaymentEvent>(true)
same<PayloadOf<typeof refundsProducerConfig>, Refund>(true)
same<PayloadOf<typeof inheritedConsumerConfig>, { from: 'elsewhere' }>(true)
same<PayloadOf<typeof producers.paymentsProducerConfig>, PaymentEvent>(true)
same<PayloadOf<typeof consumers.purchasesConsumerConfig>, PurchaseCreatedPayload>(true)
same<PayloadOf<(typeof everyProducerConfig)[number]>, PaymentEvent | PurchaseCreatedPayload>(true)
// @ts-expect-error no such topic
type Missing = MessagePayloads['shipments']
// @ts-expect-error a consumer is no producer
producers.purchasesConsumerConfig
// @ts-expect-error the client is not changed
producers.purchasesProducerConfig = purchasesProducerConfig

// ---- sending

async function send() {
  const producer = await broker.createProducer(purchasesProducerConfig)
  await producer.send({ value: purchase })
  await producer.send([{ key: purchase.customer.id, value: purchase }])
  // @ts-expect-error another payload
  await producer.send({ value: { total: 1 } })
  // @ts-expect-error a property too many
  await producer.send({ value: { ...purchase, vip: true } })
  // @ts-expect-error a property of the wrong type
  await producer.send([{ value: { ...purchase, customer: { id: 1, authUserId: '2' } } }])
  // @ts-expect-error the type argument must fit the topic
  await producer.send<Refund>({ value: { reason: 'broken' } })

  const payments = await broker.createProducer(paymentsProducerConfig)
  await payments.send({ value: { kind: 'paid', cents: 1 } })
  // @ts-expect-error half of the one, half of the other
  await payments.send({ value: { kind: 'refused', cents: 1 } })

  const refunds = await broker.createProducer(refundsProducerConfig)
  // @ts-expect-error made by a generic function of the user's
  await refunds.send({ value: { cause: 'broken' } })

  // Only the running program knows the topic.
  const open = await broker.createProducer(topicOfEnvironment)
  await open.send({ value: { any: 'thing' } })
}

// ---- receiving

async function receive() {
  const consumer = await broker.createConsumer(purchasesConsumerConfig)
  await consumer.subscribe({
    handler: async (record) => {
      same<typeof record, ConsumerRecord<PurchaseCreatedPayload>>(true)
      // @ts-expect-error no such property
      record.message.value.product.price
    },
  })
  // @ts-expect-error the handler expects another payload
  await consumer.subscribe({ handler: async (record: ConsumerRecord<PaymentEvent>) => {} })

  const payments = await broker.createConsumer(paymentsConsumerConfig)
  await payments.subscribe({
    handler: async ({ message: { value } }) => {
      if (value.kind === 'paid') same<typeof value.cents, number>(true)
      // @ts-expect-error only of one that is paid
      value.cents
    },
  })
}

// ---- the explicit style, as it was before the client had types

class PurchasesService {
  private producer!: ChangeStreamProducer
  private consumer!: ChangeStreamConsumer

  async connect() {
    this.producer = await broker.createProducer(purchasesProducerConfig)
    this.consumer = await broker.createConsumer(purchasesConsumerConfig)
    await this.producer.send<PurchaseCreatedPayload>({ key: '1', value: purchase, timestamp: new Date() })
    await this.consumer.subscribe<PurchaseCreatedPayload>({
      handler: async (record: ConsumerRecord<PurchaseCreatedPayload>) => {
        same<typeof record.message.value, PurchaseCreatedPayload>(true)
      },
      errorHandler: async (error: Error, record?: any) => {},
    })
  }
}
