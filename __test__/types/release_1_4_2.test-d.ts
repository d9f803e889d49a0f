// Code as it was written for 1.4.2: every exported class, method and type, annotated as users annotate. It compiles
// against 1.4.2 itself too (with a `mongodb` driver beside it).
import {
  type BrokerConfig,
  ChangeStreamBroker,
  ChangeStreamConsumer,
  ChangeStreamProducer,
  type ConsumerConfig,
  ConsumerGroupManager,
  type ConsumerRecord,
  DateToTimestamp,
  defineBroker,
  defineConsumer,
  defineProducer,
  defineTopic,
  type ErrorHandler,
  type Header,
  type Message,
  type MessageHandler,
  type MessageHandlerConfig,
  type OffsetCommit,
  OffsetStorage,
  type ProducerConfig,
  type TopicConfig,
  TopicManager,
} from '@dafaz/change-stream-broker'

interface Order {
  id: string
  lines: { sku: string; count: number }[]
}
interface TenantHeader {
  eventType: string
  source: string
}
declare const order: Order
declare const tenant: TenantHeader

const broker: BrokerConfig = defineBroker({
  mongoUri: 'mongodb://127.0.0.1',
  database: 'orders',
  appName: 'orders',
  maxRetries: 5,
  retryDelayMs: 100,
  heartbeatIntervalMs: 10_000,
  autoCreateTopics: true,
  logLevel: 'SILENT',
  logContext: 'Orders',
})
const topic: TopicConfig = defineTopic({ name: 'orders', collection: 'orders', partitions: 2, retentionMs: 1000 })
const producerConfig: ProducerConfig = defineProducer({
  topic: 'orders',
  partitions: 2,
  retentionMs: 1000,
  partitionStrategy: 'round-robin',
})
const consumerConfig: ConsumerConfig = defineConsumer({
  groupId: 'billing',
  topic: 'orders',
  partitions: [0, 1],
  autoCommit: true,
  autoCommitIntervalMs: 5000,
  fromBeginning: true,
  maxRetries: 3,
  retryDelayMs: 1000,
  enableOffsetMonitoring: false,
  options: {
    batchSize: 10,
    maxAwaitTimeMS: 500,
    fullDocument: 'updateLookup',
    resumeAfter: { _data: '82' },
    startAtOperationTime: DateToTimestamp(new Date()),
    collation: { locale: 'pt' },
    readPreference: 'secondary',
  },
})

const handler: MessageHandler<Order> = async (record) => {
  const { id, lines } = record.message.value
  const at: [Date, Date, number, string] = [record.timestamp, record.message.timestamp, record.partition, record.topic]
}
const documentHandler = async (record: ConsumerRecord): Promise<void> => {
  const anything = record.message.value['whatever']
}
const intersectionHandler = async (record: ConsumerRecord & { message: { value: Order } }): Promise<void> => {}
const errorHandler: ErrorHandler = async (error, record) => {
  console.error(error.message, record?.message.value['id'], record?.message.headers?.['operation-type'])
}
const looseErrorHandler = async (error: Error, record?: ConsumerRecord | null): Promise<void> => {}
declare const console: { error(...values: unknown[]): void }

class Orders extends ChangeStreamBroker {
  private orders!: ChangeStreamProducer
  private billing!: ChangeStreamConsumer

  async start() {
    await this.connect()
    await this.createTopic(topic)
    this.orders = await this.createProducer(producerConfig)
    this.billing = await this.createConsumer(consumerConfig)
    const limits = { maxRetries: 3, retryDelay: 100, autoCommit: true }
    const config: MessageHandlerConfig<Order> = { handler, errorHandler, ...limits }
    await this.billing.subscribe(config)
    await this.billing.subscribe<Order>({ handler, errorHandler: looseErrorHandler })
    await this.billing.subscribe<Order>({ handler: intersectionHandler })
    await this.billing.subscribe({ handler: documentHandler })
    await this.billing.subscribe({ handler: async (record) => void record.message.value['id'] })
  }

  async publish<T extends Record<string, any>>(value: T) {
    const message: Message<T> = { key: 'k', value, timestamp: new Date() }
    await this.orders.send(message)
    await this.orders.send<T>([message])
  }

  async send() {
    const header: Header = { eventType: 'order.created', source: 'shop' }
    const messages: Message<Order>[] = [{ value: order, timestamp: new Date(), headers: header }]
    await this.orders.send(messages)
    await this.orders.send<Order>({ key: '1', value: order, timestamp: new Date(), headers: tenant })
    await this.orders.send({ value: order, timestamp: new Date() })
    const connected: boolean = this.orders.isConnected
    const name: string = this.orders.getTopic()
    await this.orders.connect()
    await this.orders.disconnect()
  }

  async stop() {
    const committed: boolean = await this.billing.commitOffsets()
    const ids: string[] = [this.billing.getConsumerId(), this.billing.getGroupId(), this.billing.getTopic()]
    const states: boolean[] = [this.billing.isConnected(), this.billing.isSubscribed()]
    const { lastProcessed, lastCommitted, hasUncommitted, areOffsetsSynced } = this.billing.getOffsetInfo()
    const synced: boolean = hasUncommitted || areOffsetsSynced
    const last: unknown = this.billing.getLastProcessedOffset() ?? lastProcessed ?? lastCommitted
    this.billing.pause()
    this.billing.resume()
    this.billing.startOffsetMonitoring()
    await this.billing.unsubscribe()
    await this.billing.disconnect()
    await this.disconnect()
  }
}
new Orders(broker)

async function manage() {
  const topics = new TopicManager('mongodb://127.0.0.1')
  await topics.connect()
  await topics.createTopic(topic)
  const exists: boolean = await topics.topicExists('orders')
  const found = await topics.getTopicConfig('orders')
  const config: TopicConfig | null = found
  const prefix: string = found === null ? 'orders' : `${found.collection.toLowerCase()}_p${found.partitions}`
  const index = await topics.getTTLIndexInfo('orders_p0')
  const seconds: number | undefined = index?.expireAfterSeconds
  for (const { collection, documentCount, hasTimestampField, indexInfo } of await topics.getTTLIndexStats()) {
    const line: [string, number, boolean] = [`${collection}: ${indexInfo?.name}`, documentCount, hasTimestampField]
  }
  const { isValid, issues, indexInfo, sampleDocument } = await topics.validateTTLIndex('orders_p0')
  const text: string = issues.join(isValid ? ', ' : '; ') + sampleDocument._id + indexInfo?.v
  const up: boolean = topics.isConnected()
  await topics.disconnect()
}

async function positions() {
  const offsets = new OffsetStorage('mongodb://127.0.0.1', 'orders')
  await offsets.connect()
  await offsets.ensureConnected()
  const place = { groupId: 'billing', topic: 'orders', partition: 0 }
  const commit: OffsetCommit = { ...place, offset: { _data: '82' }, timestamp: new Date() }
  await offsets.commitOffset(commit)
  const changed: boolean = await offsets.commitOffsetIfChanged(commit)
  const all: OffsetCommit[] = await offsets.getOffsets('billing')
  const one: unknown = await offsets.getOffset('billing', 'orders', 0)
  const { database, collection } = offsets.getConnectionInfo()
  const up: boolean = offsets.isConnected()
  await offsets.disconnect()

  const groups = new ConsumerGroupManager()
  const group = groups.createConsumerGroup('billing', ['orders'])
  const consumer = new ChangeStreamConsumer(consumerConfig, offsets, groups, 'mongodb://127.0.0.1', 'orders')
  groups.addMemberToGroup('billing', consumer.getConsumerId(), consumer)
  groups.updateOffset('billing', 'orders', { _data: '82' }, 0)
  const noted: unknown = groups.getOffset('billing', 'orders', 0)
  const ids: string[] = [...(groups.getGroupMembers('billing')?.keys() ?? []), ...group.members.keys()]
  const names: string[] = [group.groupId, ...group.topics, ...group.lastOffsets.keys()]
  const same: boolean = groups.getConsumerGroup('billing') === groups.getAllConsumerGroups().get('billing')
  groups.removeMemberFromGroup('billing', consumer.getConsumerId())
  await groups.rebalanceGroup('billing')
  await groups.disconnectGroup('billing')
  new ChangeStreamProducer(producerConfig, 'mongodb://127.0.0.1', 'orders')
}
