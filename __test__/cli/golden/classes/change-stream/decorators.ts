export const seen: string[] = []
export function tracked(name: string): any {
  return (_target: unknown, key?: unknown, third?: unknown): void => {
    seen.push(`${name} ${String(key)} ${typeof third}`)
  }
}
