export default function makeTopic(name: string): string {
  return `topic.${name}`
}
