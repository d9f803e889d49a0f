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
// EXAMPLE - CREATE CONSUMERS
// ==============================================

export const purchasesConsumerConfig = defineConsumer({
	groupId: 'classroom-service',
	topic: 'purchases.new-purchase',
	partitions: [0],
	autoCommit: true,
	autoCommitIntervalMs: 15000,
	fromBeginning: false,
	maxRetries: 3,
	retryDelayMs: 1000,
	enableOffsetMonitoring: false,
	options: {
		batchSize: 100,
		maxAwaitTimeMS: 1000,
		fullDocument: 'updateLookup',
	},
})
