const both = () => ({
  producer: defineProducer({ topic: 'both', partitions: 1, retentionMs: 1000 }),
  consumer: defineConsumer({ topic: 'both', groupId: 'both', partitions: [0] }),
})
const nested = { inner: { deep: 'deep' as string, list: [1, 2, 3] } }

export const { producer, consumer: renamed } = both()
export const {
  inner: {
    deep,
    list: [head, ...tail],
  },
} = nested
export const { missing = 'default', ...rest } = { missing: undefined as string | undefined, x: 1, y: 2 }
export const [left, , right = 3] = [1, 2] as number[]
export let mutable = 1,
  constant: string = 'text'
export var old = { value: 1 }
mutable += 1
