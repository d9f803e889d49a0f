/** Only a type. */
export interface Ambient {
  ambient: boolean
}
