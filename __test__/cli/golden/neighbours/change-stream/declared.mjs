export const declared = 'neighbours'
