import { Module } from '@nestjs/common'
import { MongooseModule } from '@nestjs/mongoose'
import { DriverModule } from '../database/driver.module.js'
import { MessagingModule } from '../messaging/messaging.module.js'
import { DriverOrdersService } from './driver-orders.service.js'
import { orderSchema } from './order.js'
import { OrdersController } from './orders.controller.js'
import { OrdersService } from './orders.service.js'

@Module({
  imports: [MessagingModule, DriverModule, MongooseModule.forFeature([{ name: 'Order', schema: orderSchema }])],
  controllers: [OrdersController],
  providers: [OrdersService, DriverOrdersService],
})
export class OrdersModule {}
