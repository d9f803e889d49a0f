import { join } from 'node:path'
import { ROOT_PASSWORD, ROOT_USER } from './initiate.mjs'

export const REPLICA_SET = 'rs0'
export const KEY_FILE = 'key'

export function dataDirectory(directory, member) {
  return join(directory, `data-${member}`)
}

/** The command line of one member that keeps everything below `directory`. */
export function mongodArguments(directory, port, member, { auth, standalone, oplogSizeMb, setParameter = {} }) {
  const parameters = { diagnosticDataCollectionEnabled: false, ...setParameter }
  return [
    '--dbpath',
    dataDirectory(directory, member),
    '--port',
    String(port),
    '--bind_ip',
    '127.0.0.1',
    '--wiredTigerCacheSizeGB',
    '0.5',
    ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
    ...(standalone ? [] : ['--replSet', REPLICA_SET]),
    ...(auth ? ['--auth'] : []),
    ...(auth && !standalone ? ['--keyFile', join(directory, KEY_FILE)] : []),
    ...(oplogSizeMb === undefined ? [] : ['--oplogSize', String(oplogSizeMb)]),
    ...Object.entries(parameters).flatMap(([name, value]) => ['--setParameter', `${name}=${value}`]),
  ]
}

/** The URI that a user of these servers would write. */
export function uriOf(ports, { auth, standalone }) {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
  const options = [...(standalone ? [] : [`replicaSet=${REPLICA_SET}`]), ...(auth ? ['authSource=admin'] : [])].join(
    '&',
  )
  return `mongodb://${auth ? `${ROOT_USER}:${ROOT_PASSWORD}@` : ''}${hosts}/${options && `?${options}`}`
}
