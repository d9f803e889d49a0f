import { cacheDirectory } from '../cache_entry.mjs'

/** Name of the server's executable on this platform. */
export const executableName = process.platform === 'win32' ? 'mongod.exe' : 'mongod'

/** Has a folder per version, with the executable in it. */
export const mongodCache = () => cacheDirectory('mongod')
