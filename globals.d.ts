/**
 * Makes `defineBroker` and its siblings known without an import, for the files in `change-stream/`: `csbroker generate`
 * adds the imports to what it writes. Not for other files, where these names do not exist at run time.
 */
import type * as broker from './index'

declare global {
  const defineBroker: typeof broker.defineBroker
  const defineTopic: typeof broker.defineTopic
  const defineProducer: typeof broker.defineProducer
  const defineConsumer: typeof broker.defineConsumer
}
