// A mark, and lines that end as on Windows.
/**
 * Documentation.
 */
export const producer = defineProducer({
  topic: `windows`,
  partitions: 1,
  retentionMs: 1000,
})
export const lines = `first
second`
