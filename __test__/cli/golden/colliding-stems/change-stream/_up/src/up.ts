export const up: string = 'down'
