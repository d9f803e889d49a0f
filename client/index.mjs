// An ES module cannot choose the error of a failed import, so the name of the missing file says what to do.
export * from '../../../.csbroker/client/created-by-csbroker-generate.mjs'
