export interface MessagePayloads {
  purchases: { id: string
}

const twice = 1
const twice = 2
