/** @type {{ topic: string }} */
export const javascript = { topic: 'neighbours' }
