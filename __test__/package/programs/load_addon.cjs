// Makes a broker of the package that is installed where it runs, and says as JSON what came of it.
const { ChangeStreamBroker, ChangeStreamBrokerError, defineBroker } = require('@dafaz/change-stream-broker')

const addons = () => Object.keys(require.cache).filter((file) => file.endsWith('.node'))

function made() {
  try {
    new ChangeStreamBroker(defineBroker({ mongoUri: 'memory://load' }))
    return { addons: addons() }
  } catch (error) {
    const { name, code, kind, retryable, effect, message, cause } = error
    const isTyped = error instanceof ChangeStreamBrokerError
    return { isTyped, name, code, kind, retryable, effect, message, cause: cause?.message, addons: addons() }
  }
}

const before = addons()
console.log(JSON.stringify({ before, ...made() }))
