export const part = 1000
export default 1 + 2
