import { Module, OnApplicationShutdown } from '@nestjs/common'
import { MongoClient } from 'mongodb'
import { mongoUri } from './environment.js'

/** The driver without Mongoose. */
@Module({
  providers: [{ provide: MongoClient, useFactory: () => new MongoClient(mongoUri).connect() }],
  exports: [MongoClient],
})
export class DriverModule implements OnApplicationShutdown {
  constructor(private readonly client: MongoClient) {}

  /** Comes after every onModuleDestroy: no handler writes any more. */
  async onApplicationShutdown() {
    await this.client.close()
  }
}
