import { Base, type Shape } from './base'
import { tracked } from './decorators'

export class Settings extends Base implements Shape {
  static #count = 0
  static {
    Settings.#count += 1
  }
  declare declared: string
  private readonly hidden: number = 1
  protected override name: string = 'settings'
  constructor(
    public readonly partitions: number,
    protected retentionMs: number = 1000,
  ) {
    super()
  }
  get topic(): string {
    return `classes.${this.name}`
  }
  static create(): Settings {
    return new Settings(2)
  }
  options(this: Settings): { topic: string; partitions: number; retentionMs: number } {
    return { topic: this.topic, partitions: this.partitions, retentionMs: this.retentionMs * this.hidden }
  }
  static get count(): number {
    return Settings.#count
  }
}
export const producer = defineProducer(Settings.create().options())
export const count: number = Settings.count

@tracked('Dto')
export class Dto {
  @tracked('field') id: string = 'id'
  @tracked('method') run(@tracked('parameter') n: number): number {
    return n
  }
}
