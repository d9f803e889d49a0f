import { Module } from '@nestjs/common'
import { Customers } from './catalogue/customers.js'
import { Products } from './catalogue/products.js'
import { PurchasesController } from './http/purchases.controller.js'
import { MessagingModule } from './messaging/messaging.module.js'
import { PurchasesService } from './services/purchases.service.js'

@Module({
  imports: [MessagingModule],
  controllers: [PurchasesController],
  providers: [PurchasesService, Products, Customers],
})
export class AppModule {}
