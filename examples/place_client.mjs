// Puts an example's hand-written client where `@dafaz/change-stream-broker/client` looks for the generated one, beside
// the package in the example's node_modules. `npx csbroker generate` makes the same files out of change-stream/ and
// will replace this script.
//
//   node place_client.mjs <example>
import { cp, mkdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'

const example = await realpath(resolve(process.argv[2] ?? '.'))
const modules = join(example, 'node_modules')
const installed = await realpath(join(modules, '@dafaz/change-stream-broker'))
if (dirname(dirname(installed)) !== modules) {
  throw new Error(`${installed} is a link out of the example: install with "npm install --install-links"`)
}

const target = join(modules, '.csbroker/client')
const fresh = `${target}-${process.pid}`
await mkdir(dirname(target), { recursive: true })
await cp(join(example, 'generated-client'), fresh, { recursive: true })
await rm(target, { recursive: true, force: true })
await rename(fresh, target)
console.log(`client placed in ${relative(example, target)}`)
