export { hours } from './hours'
export { uri } from './uri.js'
export const groups = ['shipping', 'billing'] as const
export function days(count: number): number {
  const hours = count * 24
  return hours * 3_600_000
}
