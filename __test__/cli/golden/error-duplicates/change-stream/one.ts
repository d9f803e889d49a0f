export const ambiguous = 1
export { SHARED as same } from './shared'
