export const ambiguous = 2
export { SHARED as same } from './shared'
