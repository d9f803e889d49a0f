import { Controller, Get } from '@nestjs/common'
import { type Enrollment, EnrollmentsService } from '../services/enrollments.service.js'

@Controller('enrollments')
export class EnrollmentsController {
  constructor(private readonly enrollments: EnrollmentsService) {}

  /** GET /enrollments, the oldest first */
  @Get()
  async list(): Promise<Omit<Enrollment, '_id'>[]> {
    const enrollments = await this.enrollments.findAll()
    return enrollments.map(({ _id, ...enrollment }) => ({ ..._id, ...enrollment }))
  }
}
