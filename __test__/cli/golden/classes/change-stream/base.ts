export interface Shape {
  topic: string
}
export abstract class Base {
  protected name: string = 'base'
  abstract get topic(): string
}
