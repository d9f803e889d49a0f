import { type PurchaseCreatedPayload, purchasesProducerConfig } from '@dafaz/change-stream-broker/client'
import { Injectable } from '@nestjs/common'
import { ChangeStreamBrokerService } from '../messaging/change-stream.service'

interface Customer {
  id: string
  authUserId: string
}

interface Product {
  id: string
  title: string
  slug: string
}

@Injectable()
export class PurchasesService {
  constructor(private readonly changeStreamBroker: ChangeStreamBrokerService) {}

  async publish(purchase: { id: string }, customer: Customer, product: Product) {
    // [...]
  }
}
