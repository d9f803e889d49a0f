export const entry: string = 'entry'
