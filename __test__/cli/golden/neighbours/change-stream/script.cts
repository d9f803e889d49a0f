export const cts: string = 'cts'
