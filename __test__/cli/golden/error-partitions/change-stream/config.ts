import { inAnotherFile } from './another-file'

const partitions = 3
export const first = defineProducer({ topic: 'purchases', partitions, retentionMs: 1000 })
export const second = defineProducer({ topic: 'purchases', partitions: 2 + 2, retentionMs: 1000 })
export const reader = defineConsumer({ topic: 'purchases', groupId: 'g', partitions: [0, 1, 2, 3] })
export { inAnotherFile }
