import { Controller, Get } from '@nestjs/common'
import { type Invoice, InvoicesService } from './invoices.service.js'

@Controller('invoices')
export class InvoicesController {
  constructor(private readonly invoices: InvoicesService) {}

  /** GET /invoices */
  @Get()
  async list(): Promise<Invoice[]> {
    return await this.invoices.list()
  }
}
