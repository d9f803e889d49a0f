import type { PurchaseCreatedPayload } from '@dafaz/change-stream-broker/client'
import { Injectable } from '@nestjs/common'

@Injectable()
export class EnrollmentsService {
  readonly students = new Set<string>()

  async createEnrollment(purchase: PurchaseCreatedPayload) {
    this.students.add(purchase.customer.authUserId)
  }
}
