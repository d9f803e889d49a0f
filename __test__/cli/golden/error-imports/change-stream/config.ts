import { nothing } from './nowhere'
import names from './names.json'
import { missing, present } from './present'
import missingDefault from './present'
import { value } from './only-types'
import { alias } from '@/shared/alias'
import lodash from 'not-installed'
import type { Gone } from './gone'
import type { AlsoGone } from 'types-not-installed'
import { type Known } from './only-types'

export const used = [nothing, names, missing, present, missingDefault, value, alias, lodash]
export const typed: Gone | AlsoGone | Known = 'typed'
export * from './star'
