// Publishes the tarballs of dist/: the packages of the platforms first, so that whoever installs the main one finds them.
// What is on the registry already is passed over: after a failure the job can simply be run again.
import { join } from 'node:path'
import { runCommand } from '../mongod/run_command.mjs'
import { projectRoot } from '../run_step.mjs'
import { PLATFORMS, platformManifest, tarballName } from './platforms.mjs'
import { publishedManifest } from './published_manifest.mjs'

for (const manifest of [...PLATFORMS.map(platformManifest), publishedManifest()]) {
  const { name, version } = manifest
  if (await isPublished(name, version)) {
    console.log(`${name} ${version} is published already`)
    continue
  }
  const tarball = join(projectRoot, 'dist', tarballName(manifest))
  // Only a version without a suffix is what `npm install` takes by itself.
  const tag = version.includes('-') ? 'next' : 'latest'
  await runCommand('npm', ['publish', tarball, '--provenance', '--access', 'public', '--tag', tag])
  console.log(`${name} ${version} published as ${tag}`)
}

async function isPublished(name, version) {
  try {
    return (await runCommand('npm', ['view', `${name}@${version}`, 'version'])).stdout.trim() === version
  } catch (error) {
    if (error.message.includes('E404')) return false
    throw error
  }
}
