export const mongoUri = required('MONGODB_BROKER_URI')
export const brokerDatabase = required('MONGODB_BROKER_DATABASE')
export const shopDatabase = required('SHOP_DATABASE')

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: copy .env.example to .env`)
  return value
}
