// A registry that has the packages as they will be published, so that installers choose among the platforms by themselves.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../scripts/mongod/run_command.mjs'
import { PLATFORMS, platformManifest } from '../../scripts/release/platforms.mjs'
import { publishedManifest } from '../../scripts/release/published_manifest.mjs'

/**
 * Serves the tarballs `{ main, platform }`, and packages without an addon for the other platforms. Resolves to its `url`
 * and `close()`.
 */
export async function startRegistry({ main, platform }) {
  const packages = new Map()
  const own = JSON.parse((await runCommand('tar', ['-xzOf', platform, 'package/package.json'])).stdout)
  for (const manifest of PLATFORMS.map(platformManifest)) {
    const isOwn = manifest.name === own.name
    packages.set(manifest.name, { manifest, bytes: isOwn ? await readFile(platform) : await emptyTarball(manifest) })
  }
  const manifest = publishedManifest()
  packages.set(manifest.name, { manifest, bytes: await readFile(main) })

  const server = createServer(({ url }, response) => {
    const [, name, file] = /^\/(@[^/]+\/[^/]+)(\/-\/.*)?$/.exec(decodeURIComponent(url)) ?? []
    const found = packages.get(name)
    if (found === undefined) response.writeHead(404).end('{}')
    else if (file !== undefined) response.end(found.bytes)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(packument(found, server)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections?.()
    server.close()
    await once(server, 'close')
  }
  return { url: urlOf(server), close }
}

const urlOf = (server) => `http://127.0.0.1:${server.address().port}`

/** What a registry says of a package that has one version. */
function packument({ manifest, bytes }, server) {
  const { name, version } = manifest
  const dist = {
    tarball: `${urlOf(server)}/${name}/-/package-${version}.tgz`,
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    shasum: createHash('sha1').update(bytes).digest('hex'),
  }
  // Some installers take only what has been there for a while.
  const time = { [version]: '2020-01-01T00:00:00.000Z' }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } }, time }
}

async function emptyTarball(manifest) {
  const folder = await mkdtemp(join(tmpdir(), 'csbroker-empty-'))
  try {
    await mkdir(join(folder, 'package'))
    await writeFile(join(folder, 'package/package.json'), JSON.stringify(manifest))
    await runCommand('tar', ['-czf', join(folder, 'package.tgz'), '-C', folder, 'package'])
    return await readFile(join(folder, 'package.tgz'))
  } finally {
    await rm(folder, { recursive: true })
  }
}
