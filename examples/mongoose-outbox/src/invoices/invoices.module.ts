import { Module } from '@nestjs/common'
import { DriverModule } from '../database/driver.module.js'
import { MessagingModule } from '../messaging/messaging.module.js'
import { OrdersModule } from '../orders/orders.module.js'
import { InvoicesController } from './invoices.controller.js'
import { InvoicesService } from './invoices.service.js'

/** Comes behind OrdersModule, which makes the topic that it consumes. */
@Module({
  imports: [MessagingModule, DriverModule, OrdersModule],
  controllers: [InvoicesController],
  providers: [InvoicesService],
})
export class InvoicesModule {}
