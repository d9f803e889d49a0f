import { serviceName } from './config'

export let counter = 0
export function increase(this: unknown): string {
  counter++
  return String(this)
}
export const nameOfConfig = (): string => serviceName
