export const inAnotherFile = defineConsumer({ topic: 'purchases', groupId: 'h', partitions: [7] })
