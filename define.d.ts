/** The `define*` functions alone. Loads neither the native addon nor the rest of the package. */
export { defineBroker, defineConsumer, defineProducer, defineTopic } from './index'
