import { defineProducer } from '@dafaz/change-stream-broker'

export const purchases = defineProducer({
  topic: 'purchases',
  partitions: 3
  retentionMs: 1000,
})
