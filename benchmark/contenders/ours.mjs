// This package.
import * as ours from '../../index.js'
import { contenderOf } from './broker_package.mjs'

export const { sender, receiver } = contenderOf(ours)
export const entry = new URL('../../index.js', import.meta.url).pathname
