import { Injectable, NotFoundException } from '@nestjs/common'

export interface Product {
  id: string
  title: string
  slug: string
}

/** Stands for the service's own database. */
@Injectable()
export class Products {
  private readonly products: Product[] = [
    { id: 'product-1', title: 'MongoDB para iniciantes', slug: 'mongodb-para-iniciantes' },
    { id: 'product-2', title: 'Event-driven Node.js', slug: 'event-driven-nodejs' },
  ]

  find(id: string): Product {
    const product = this.products.find((candidate) => candidate.id === id)
    if (!product) throw new NotFoundException(`there is no product '${id}'`)
    return product
  }
}
