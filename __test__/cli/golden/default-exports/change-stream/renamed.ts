const name = 'renamed'
export { name as default }
