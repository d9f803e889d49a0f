import { Module } from '@nestjs/common'
import { MongooseModule } from '@nestjs/mongoose'
import { mongoUri, shopDatabase } from './database/environment.js'
import { InvoicesModule } from './invoices/invoices.module.js'
import { OrdersModule } from './orders/orders.module.js'

@Module({
  imports: [MongooseModule.forRoot(mongoUri, { dbName: shopDatabase }), OrdersModule, InvoicesModule],
})
export class AppModule {}
