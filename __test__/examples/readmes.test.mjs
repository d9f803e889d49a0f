// What the examples' READMEs name is there.
import assert from 'node:assert/strict'
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { EXAMPLES, exampleManifest } from '../e2e/example_modules.mjs'

describe('examples', async () => {
  for (const name of await readdir(EXAMPLES)) {
    it(`${name}/README.md names scripts and files that exist`, async () => {
      const readme = await readFile(join(EXAMPLES, name, 'README.md'), 'utf8')
      const { scripts } = await exampleManifest(name)
      const commands = Array.from(readme.matchAll(/^```bash\n(.*?)^```/gms), ([_, text]) => text).join('')
      const named = Array.from(commands.matchAll(/^npm (?:run )?(start|(?<=run )[\w-]+)/gm), ([_, script]) => script)
      assert.ok(named.length > 0, 'no script')
      assert.deepEqual(
        named.filter((script) => scripts[script] === undefined),
        [],
      )

      const rows = Array.from(readme.matchAll(/^\| (`.+?) +\|/gm), ([_, cell]) => cell)
      const files = rows.flatMap((cell) => Array.from(cell.matchAll(/`(.+?)`/g), ([_, file]) => file))
      assert.ok(files.length > 0, 'no file')
      for (const file of files) await access(join(EXAMPLES, name, file))
      if (readme.includes('.env.example')) await access(join(EXAMPLES, name, '.env.example'))
    })
  }
})
