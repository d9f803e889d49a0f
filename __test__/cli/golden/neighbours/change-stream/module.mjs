export const milliseconds = 1000
