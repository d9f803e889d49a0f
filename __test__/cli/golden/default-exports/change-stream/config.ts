import total, { part } from './expression'
import makeTopic from './function'
import Anonymous from './anonymous-class'
import Named from './class'
import named from './renamed'
import { default as again } from './expression'
import arrow from './arrow'

export default defineProducer({ topic: makeTopic('default'), partitions: total, retentionMs: part })
export const consumer = defineConsumer({ topic: `topic.${named}`, groupId: new Named().group, partitions: [again - 3] })
export const size: number = new Anonymous().size
export const twice: number = arrow(2)
