export namespace Payloads {
  export interface Purchase {
    id: string
  }
}
export interface MessagePayloads {
  'ns.a.hidden': { hidden: true }
  'shop.purchases': Payloads.Purchase
}
