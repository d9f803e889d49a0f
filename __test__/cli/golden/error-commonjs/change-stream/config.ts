import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import common from './common.cjs'
import equals = require('./equals')

const path = join(__dirname, 'topics.txt')
export const loaded: string = await Promise.resolve(readFileSync(path, 'utf8'))
for await (const line of [loaded]) console.log(line)
export const here: string = import.meta.url
export const module: unknown = common
export const later = async (): Promise<string> => await Promise.resolve('fine')
export const other: unknown = equals
export function disposing(): void {
  using resource: Disposable | null = null
}
