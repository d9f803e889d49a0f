// Values of two copies of a module, made comparable: functions, classes and symbols are never the same.
import { types } from 'node:util'

/** Plain data that is equal for equal exports. */
export function comparable(value, around = []) {
  if (typeof value === 'symbol') return { kind: 'symbol', members: String(value) }
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value
  if (around.includes(value)) return '(what is around it)'
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return { kind: kindOf(value), members: members.map(([key, member]) => [key, comparable(member, [...around, value])]) }
}

function kindOf(value) {
  if (typeof value === 'function') return `${/^class\b/.test(value) ? 'class' : 'function'} ${value.name}`
  if (types.isModuleNamespaceObject(value)) return kindOf({})
  const made = Object.getPrototypeOf(value)?.constructor
  return Object.prototype.toString.call(value) + (typeof made === 'function' ? made.name : '')
}
