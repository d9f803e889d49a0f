import { Decimal128, ObjectId } from 'bson'
import type * as bson from 'bson'

export interface MessagePayloads {
  ids: { id: ObjectId; amount: Decimal128; raw: bson.Binary; date: import('bson').Timestamp }
}
