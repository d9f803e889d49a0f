export const index: string = 'index'
