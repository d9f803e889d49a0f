/** What an alert is about. */
export enum Kind {
  /** A number. */
  Metric = 'metric',
  Log = 'log',
}
export enum Severity {
  Low,
  High,
}
export const enum Inlined {
  Yes = 'yes',
}

export interface Alert {
  kind: Kind
  severity: Severity
}
export interface MessagePayloads {
  orders: { kind: Kind.Log }
  'alerts.metric': Alert
  'with-dash': Alert
}
