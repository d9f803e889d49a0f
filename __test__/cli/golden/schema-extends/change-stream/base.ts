export interface BasePayloads {
  inherited: { base: true }
}
