import { entry } from './created-by-csbroker-generate'
import { name } from './names'
import type { Name } from './names.d'

export const all: [string, Name] = [entry, name]
