// ==============================================
// EXAMPLE - BROKER CONFIGURATION
// ==============================================
export const brokerConfig = defineBroker({
	mongoUri: process.env.MONGODB_BROKER_URI,
	database: process.env.MONGODB_BROKER_DATABASE,
	autoCreateTopics: true,
	logLevel: 'INFO',
	logContext: 'Purchase Service Broker',
})

// ==============================================
// EXAMPLE - CREATE PRODUCERS
// ==============================================

export const purchasesProducerConfig = defineProducer({
	topic: 'purchases.new-purchase',
	partitions: 1,
	retentionMs: 7 * 24 * 60 * 60 * 1000,
	partitionStrategy: 'hash',
})
