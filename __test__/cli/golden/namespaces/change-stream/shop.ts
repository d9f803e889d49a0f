export namespace Shop {
  export namespace Topics {
    export const purchases: string = 'shop.purchases'
  }
}
