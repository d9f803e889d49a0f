// Makes defineBroker, defineProducer and defineConsumer known to config.ts, which needs no imports.
/// <reference types="@dafaz/change-stream-broker/globals" />
