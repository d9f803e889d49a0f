import * as counting from './counter'

export const late = {
  get now(): number {
    return counting.counter
  },
}
