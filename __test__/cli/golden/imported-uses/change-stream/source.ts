export interface Only { only: boolean }
export default class Named {
  constructor(public name: string = 'named') {}
}
export { Named }
export let count: number = 1
export const key = 'computed'
export const record: Record<string, unknown> = { removed: true }
export function call(this: unknown, text: string): string {
  count += 0
  return `${text}:${this === undefined ? 'no this' : typeof this === 'string' ? this : 'a this'}`
}
export const tag = (parts: TemplateStringsArray, ...values: unknown[]): string => parts.raw.join('|') + values.join()
