import { join } from 'node:path'
import { RunningProgram } from '../support/running_program.mjs'

const PRELOAD = new URL('without_forced_exit.mjs', import.meta.url).href

/** One of the example services as a process of its own, on a free port. */
export class ServiceProcess extends RunningProgram {
  /**
   * Resolves when the service says that it listens.
   *
   * @param {string} example folder of the built example
   * @param {string} cwd where the service looks for .env
   * @param {Record<string, string>} env added to the environment, from which the broker's own variables are taken out
   * @param {string[]} nodeArgs before the name of the program
   */
  static async start(example, cwd, env, nodeArgs = []) {
    const args = [...nodeArgs, '--import', PRELOAD, join(example, 'dist/main.js')]
    const service = new ServiceProcess(args, cwd, { PORT: '0', ...env })
    try {
      service.url = (await service.printed(/ listens on (http\S+)$/))[1]
    } catch (error) {
      await service.stop('SIGKILL')
      throw error
    }
    return service
  }
}
