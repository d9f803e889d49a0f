import { record } from './source'
record.sideEffect = true
export {}
