// Every place that repeats the version of package.json. The packages in npm/ are not among them: they are written whole.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../run_step.mjs'

/** `pattern` matches the version alone; `count` is how often it must be in the file. */
const PLACES = [
  {
    file: 'package.json',
    count: 1,
    pattern: /(?<=^\{\n +"name": "@dafaz\/change-stream-broker",\n +"version": ")[^"]+/g,
  },
  {
    file: 'package-lock.json',
    count: 2,
    pattern: /(?<=(?:^|"": )\{\n +"name": "@dafaz\/change-stream-broker",\n +"version": ")[^"]+/g,
  },
  { file: 'Cargo.toml', count: 1, pattern: /(?<=\[workspace\.package\]\nversion = ")[^"]+/g },
  { file: 'Cargo.lock', count: 4, pattern: /(?<=name = "csb-[a-z-]+"\nversion = ")[^"]+/g },
  ...readdirSync(join(projectRoot, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({
      file: `examples/${name}/package-lock.json`,
      count: 1,
      pattern: /(?<="node_modules\/@dafaz\/change-stream-broker": \{\n +"version": ")[^"]+/g,
    })),
  { file: 'README.md', count: 1, pattern: /(?<=this is `)[^`]+/g },
  { file: 'README.pt-BR.md', count: 1, pattern: /(?<=esta é a `)[^`]+/g },
]

/** What differs from `version`, as lines for a person. */
export function versionDifferences(version) {
  return PLACES.flatMap(({ file, count, pattern }) => {
    const found = readFileSync(join(projectRoot, file), 'utf8').match(pattern) ?? []
    const problems = found.filter((one) => one !== version).map((one) => `${file}: ${one} instead of ${version}`)
    if (found.length !== count) {
      problems.push(`${file}: the version is there ${found.length} times, not ${count}`)
    }
    return problems
  })
}

export function writeVersion(version) {
  for (const { file, pattern } of PLACES) {
    const path = join(projectRoot, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(pattern, version))
  }
}
