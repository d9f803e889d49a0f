export default class {
  size: number = 7
}
