import type { PurchaseCreatedPayload } from '@dafaz/change-stream-broker/client'
import { Injectable } from '@nestjs/common'
import { Collection, Db } from 'mongodb'

export interface Enrollment {
  /** One enrollment per customer and product. */
  _id: { customerId: string; productId: string }
  authUserId: string
  title: string
  slug: string
  enrolledAt: Date
}

@Injectable()
export class EnrollmentsService {
  private readonly enrollments: Collection<Enrollment>

  constructor(database: Db) {
    this.enrollments = database.collection<Enrollment>('enrollments')
  }

  /** May be called again with the same purchase: messages come at least once. */
  async createEnrollment({ customer, product }: PurchaseCreatedPayload): Promise<void> {
    const { title, slug } = product
    await this.enrollments.updateOne(
      { _id: { customerId: customer.id, productId: product.id } },
      { $setOnInsert: { authUserId: customer.authUserId, title, slug, enrolledAt: new Date() } },
      { upsert: true },
    )
  }

  async findAll(): Promise<Enrollment[]> {
    return await this.enrollments.find().sort({ enrolledAt: 1 }).toArray()
  }
}
