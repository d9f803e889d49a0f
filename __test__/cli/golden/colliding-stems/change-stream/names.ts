export const name: string = 'ts'
