export default class Named {
  readonly group: string = 'named'
}
