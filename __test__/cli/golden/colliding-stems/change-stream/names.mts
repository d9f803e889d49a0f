export const name: string = 'mts'
