import { Module } from '@nestjs/common'
import { ChangeStreamService } from './change-stream.service.js'

/** Connects before the modules that import it, and disconnects after them. */
@Module({
  providers: [ChangeStreamService],
  exports: [ChangeStreamService],
})
export class MessagingModule {}
