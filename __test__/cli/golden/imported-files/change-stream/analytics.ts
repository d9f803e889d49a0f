import { prefix } from './topics'

/** Reads what others send. */
export const analyticsConsumer = defineConsumer({ groupId: 'analytics', topic: `${prefix}.refunds`, partitions: [0] })
const hidden = 'hidden'
export { hidden as visible }
export default 'not passed on by export *'
