import { TOPICS } from './topics'

const LOCAL = 'local'
export interface Purchase {
  id: string
}
export interface MessagePayloads {
  [TOPICS.purchases]: Purchase
  [TOPICS.refunds]: { refund: Purchase }
  ['literal']: 'literal'
  [LOCAL]: typeof LOCAL
  42: number
}
