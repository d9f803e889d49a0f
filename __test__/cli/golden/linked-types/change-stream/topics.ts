export enum Topics {
  Purchases = 'purchases.new-purchase',
}
