/**
 * The typed client of your project. It does not exist before `npx csbroker generate` has written it.
 */
export * from '../../../.csbroker/client/created-by-csbroker-generate'
