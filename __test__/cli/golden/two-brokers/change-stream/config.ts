const shared = { autoCreateTopics: false, logLevel: 'WARN' } as const

export const eventsBroker = defineBroker({ ...shared, mongoUri: process.env.EVENTS_URI, database: 'events' })
export const auditBroker = defineBroker({
  ...shared,
  mongoUri: process.env.AUDIT_URI,
  database: process.env.AUDIT_DATABASE,
  logContext: 'audit',
})

export const brokers = { events: eventsBroker, audit: auditBroker } as const

export const eventsProducer = defineProducer({ topic: 'events', partitions: 2, retentionMs: 60_000 })
export const auditConsumer = defineConsumer({ topic: 'events', groupId: 'audit', partitions: [0, 1] })
