import { brokerConfig } from '@dafaz/change-stream-broker/client'
import { Module, OnApplicationShutdown } from '@nestjs/common'
import { Db, MongoClient } from 'mongodb'

/** The service's own database, in the deployment that also carries the messages. */
@Module({
  providers: [
    {
      provide: MongoClient,
      useFactory: () => new MongoClient(brokerConfig.mongoUri).connect(),
    },
    {
      provide: Db,
      useFactory: (client: MongoClient) => client.db(process.env.CLASSROOM_DATABASE ?? 'classroom'),
      inject: [MongoClient],
    },
  ],
  exports: [Db],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly client: MongoClient) {}

  /** Comes after every onModuleDestroy: no handler writes any more. */
  async onApplicationShutdown() {
    await this.client.close()
  }
}
