export const uri: string = process.env.SHOP_URI ?? 'mongodb://localhost'
