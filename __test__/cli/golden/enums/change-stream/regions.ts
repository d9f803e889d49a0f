export enum Regions {
  North,
  South,
}
