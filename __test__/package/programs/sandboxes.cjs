// Test runners load modules in a sandbox for each test file: it has globals of its own (`Error`, `Date`, `Promise`, …), while
// addons and the modules of Node.js are those of the process. This does the same, once after the other, and prints what
// each found wrong.
const { readFileSync } = require('node:fs')
const { builtinModules, createRequire } = require('node:module')
const { dirname, join } = require('node:path')
const vm = require('node:vm')

// What Node.js adds to the globals of the language. The console that V8 puts into each context says nothing.
const ofTheLanguage = new Set(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)'))
const ofNode = Object.getOwnPropertyNames(globalThis)
  .filter((name) => !ofTheLanguage.has(name) && name !== 'global')
  .concat('console')

class Sandbox {
  #context = vm.createContext(Object.fromEntries(ofNode.map((name) => [name, globalThis[name]])))
  #modules = new Map()

  load(file) {
    const known = this.#modules.get(file)
    if (known !== undefined) return known.exports
    if (file.endsWith('.node')) return require(file)
    const module = { exports: {} }
    this.#modules.set(file, module)
    const source = readFileSync(file, 'utf8')
    if (file.endsWith('.json')) module.exports = JSON.parse(source)
    else {
      const names = ['exports', 'require', 'module', '__filename', '__dirname']
      const run = vm.compileFunction(source, names, { filename: file, parsingContext: this.#context })
      run(module.exports, this.#requireFrom(file), module, file, dirname(file))
    }
    return module.exports
  }

  #requireFrom(file) {
    const outer = createRequire(file)
    const inner = (request) => {
      if (request.startsWith('node:') || builtinModules.includes(request)) return outer(request)
      return this.load(outer.resolve(request))
    }
    return Object.assign(inner, { resolve: outer.resolve })
  }
}

async function main([uri, database]) {
  const found = []
  for (const topic of ['first', 'second']) {
    const sandbox = new Sandbox()
    const { checkBroker } = sandbox.load(join(__dirname, 'sandboxed_broker.cjs'))
    found.push(await checkBroker({ uri, database, topic }))
  }
  console.log(JSON.stringify(found))
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1) // a broker may be open
})
