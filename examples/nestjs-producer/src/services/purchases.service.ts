import { randomUUID } from 'node:crypto'
import { PurchaseCreatedPayload, purchasesProducerConfig } from '@dafaz/change-stream-broker/client'
import { Injectable } from '@nestjs/common'
import { Customers } from '../catalogue/customers.js'
import { Products } from '../catalogue/products.js'
import { ChangeStreamBrokerService } from '../messaging/change-stream.service.js'

export interface NewPurchase {
  productId: string
  customerId: string
}

export interface Purchase extends NewPurchase {
  id: string
}

@Injectable()
export class PurchasesService {
  constructor(
    private readonly changeStreamBroker: ChangeStreamBrokerService,
    private readonly products: Products,
    private readonly customers: Customers,
  ) {}

  async createPurchase(newPurchase: NewPurchase): Promise<Purchase> {
    const product = this.products.find(newPurchase.productId)
    const customer = this.customers.find(newPurchase.customerId)
    const purchase = { id: randomUUID(), ...newPurchase }

    const docToSend: PurchaseCreatedPayload = {
      customer: {
        id: customer.id,
        authUserId: customer.authUserId,
      },
      product: {
        id: product.id,
        title: product.title,
        slug: product.slug,
      },
    }

    const producer = await this.changeStreamBroker.createProducer(
      purchasesProducerConfig,
    )

    await producer.send({
      key: purchase.id,
      value: docToSend, // message-payload
      timestamp: new Date(),
      headers: {
        eventType: 'purchase.created',
        source: 'purchases-service',
      },
    })

    return purchase
  }
}
