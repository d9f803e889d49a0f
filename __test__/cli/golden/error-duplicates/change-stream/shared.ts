export const SHARED = 'the same thing'
