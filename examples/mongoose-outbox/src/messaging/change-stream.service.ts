import { ChangeStreamBroker } from '@dafaz/change-stream-broker'
import { Injectable, OnModuleDestroy, OnModuleInit } from '@nestjs/common'
import { brokerDatabase, mongoUri } from '../database/environment.js'

@Injectable()
export class ChangeStreamService extends ChangeStreamBroker implements OnModuleInit, OnModuleDestroy {
  constructor() {
    super({ mongoUri, database: brokerDatabase, autoCreateTopics: true })
  }

  async onModuleInit() {
    await this.connect()
  }

  async onModuleDestroy() {
    await this.disconnect()
  }
}
