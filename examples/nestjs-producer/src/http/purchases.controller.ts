import { BadRequestException, Body, Controller, Post } from '@nestjs/common'
import { type NewPurchase, type Purchase, PurchasesService } from '../services/purchases.service.js'

@Controller('purchases')
export class PurchasesController {
  constructor(private readonly purchases: PurchasesService) {}

  /** POST /purchases {"productId": "product-1", "customerId": "customer-1"} */
  @Post()
  async create(@Body() body: unknown): Promise<Purchase> {
    return await this.purchases.createPurchase(parseNewPurchase(body))
  }
}

function parseNewPurchase(body: unknown): NewPurchase {
  const { productId, customerId } = (body ?? {}) as Record<string, unknown>
  if (typeof productId !== 'string' || typeof customerId !== 'string') {
    throw new BadRequestException('productId and customerId must be strings')
  }
  return { productId, customerId }
}
