export const typescript: number = 2
