#!/usr/bin/env node
'use strict'
// @ts-check
/// <reference types="node" />
/* eslint-disable */

/** The broker. */
export const brokerConfig = defineBroker({
  // Where it is.
  mongoUri: process.env.MONGODB_BROKER_URI, // at the end
  /* database */ database: /* inside */ 'comments',
})

/**
 * Purchases.
 * @deprecated use something else */
export const producer = defineProducer({ topic: 'purchases' /* the topic */, partitions: 1, retentionMs: 1000 }) // end
/** @internal */
export const internal: number = 1
/* istanbul ignore next */
export const pure = /* @__PURE__ */ Object.freeze({ a: 1 })
export const text = '// no comment' + `/* nor this */` + /\/\/[/*]/.source
// TODO: the end
