export const hours = (count: number): number => count * 60 * 60 * 1000
