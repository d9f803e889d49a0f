import { Ambient } from './ambient'
export interface MessagePayloads {
  neighbours: Ambient
}
