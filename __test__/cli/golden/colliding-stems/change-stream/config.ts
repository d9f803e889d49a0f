import names from './names.json'
import { name } from './names'
import { name as module } from './names.mjs'
import { name as script } from './names.js'
import { index } from './folder/index'
import { notIndex } from './folder.js'
import { up } from './_up/src/up'
import { up as reallyUp } from '../src/up'
import pack from './package.json'

export const all = { names, name, module, script, index, notIndex, up, reallyUp, pack }
