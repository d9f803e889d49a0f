import { mainManifest, PLATFORMS, packageName } from './platforms.mjs'

/**
 * package.json of the main package as it is published. It depends on the packages of the platforms, which the one of the
 * repository cannot: they are not there to be installed before they are published.
 */
export function publishedManifest() {
  const { devDependencies, scripts, napi, files, ...manifest } = mainManifest()
  return {
    ...manifest,
    files: files.filter((entry) => entry !== '*.node'),
    optionalDependencies: Object.fromEntries(
      PLATFORMS.map((platform) => [packageName(platform), manifest.version]).sort(),
    ),
  }
}
