import { Kind, Severity as Level } from './message-payload.schema'
import { Regions } from './regions'

export enum Topics {
  Orders = 'orders',
  Alerts = `alerts.${Kind.Metric}`,
  'with-dash' = 'with-dash',
}
export const enum Partitions {
  None,
  Few = 3,
  Many = Few * 4,
  Flags = 1 << 2,
}
enum Local {
  First = 'first'.length,
  Second = First + 1,
  Third = Second + 1,
}
enum Local {
  Fourth = 10,
}
declare enum Ambient {
  A = 1,
}

export const orders = defineProducer({
  topic: Topics.Orders,
  partitions: Partitions.Few,
  retentionMs: 1000 * Local.Second,
})
export const alerts = defineProducer({ topic: Topics.Alerts, partitions: Partitions['Many'], retentionMs: 60_000 })
export const dash = defineProducer({ topic: Topics['with-dash'], partitions: Partitions.Flags, retentionMs: 60_000 })
export const alertsConsumer = defineConsumer({
  groupId: Regions[Regions.South],
  topic: Topics.Alerts,
  partitions: [Partitions.None, Level.High],
})
export const locals = { first: Local.First, third: Local.Third, fourth: Local.Fourth }
export { Local }
export type { Ambient }
