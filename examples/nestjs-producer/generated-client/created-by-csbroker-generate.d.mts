// Written by hand in the form of `csbroker generate`, which will replace it. Source: change-stream/
import type { BrokerConfig, ProducerConfig } from '@dafaz/change-stream-broker'

export interface PurchaseCreatedPayload {
  customer: {
    id: string
    authUserId: string
  }
  product: {
    id: string
    title: string
    slug: string
  }
}

export interface MessagePayloads {
  'purchases.new-purchase': PurchaseCreatedPayload
  [topic: string]: Record<string, any>
}
export type MessageType = keyof MessagePayloads

export declare const brokerConfig: BrokerConfig
export declare const purchasesProducerConfig: ProducerConfig<MessagePayloads['purchases.new-purchase']>

export declare const producers: { readonly purchasesProducerConfig: typeof purchasesProducerConfig }
export declare const consumers: {}
