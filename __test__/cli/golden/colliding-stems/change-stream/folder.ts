export const notIndex: string = 'not index'
