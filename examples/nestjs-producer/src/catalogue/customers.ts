import { Injectable, NotFoundException } from '@nestjs/common'

export interface Customer {
  id: string
  authUserId: string
}

/** Stands for the service's own database. */
@Injectable()
export class Customers {
  private readonly customers: Customer[] = [
    { id: 'customer-1', authUserId: 'auth-user-1' },
    { id: 'customer-2', authUserId: 'auth-user-2' },
  ]

  find(id: string): Customer {
    const customer = this.customers.find((candidate) => candidate.id === id)
    if (!customer) throw new NotFoundException(`there is no customer '${id}'`)
    return customer
  }
}
