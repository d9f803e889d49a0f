// The JavaScript package that ours succeeds.
import { createRequire } from 'node:module'
import { contenderOf } from './broker_package.mjs'

const require = createRequire(import.meta.url)
// It writes a line per topic whatever the log level is.
console.log = () => {}

export const { sender, receiver } = contenderOf(require('peer-1.4.2'))
export const entry = require.resolve('peer-1.4.2')
