import { key } from './source'
export default key
