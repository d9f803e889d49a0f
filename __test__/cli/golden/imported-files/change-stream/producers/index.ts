import { defineProducer } from '@dafaz/change-stream-broker'
import { TOPICS } from '../topics'
import DEFAULTS from '../settings/defaults'

export const purchases = defineProducer({ topic: TOPICS.purchases, ...DEFAULTS })
export default defineProducer({ topic: TOPICS.refunds, ...DEFAULTS, partitions: 1 })
