import { tracked } from './decorators'

export class PurchaseDto {
  @tracked('id') id!: string
  @tracked('total') total: number = 0
}
export interface MessagePayloads {
  'classes.settings': PurchaseDto
}
