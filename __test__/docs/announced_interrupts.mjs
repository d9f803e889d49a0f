// Loaded into a program before anything else: says when the program begins to listen for SIGINT. From then on a SIGINT is
// the program's own affair; before, it would end the process.
process.on('newListener', (event) => {
  if (event === 'SIGINT') console.error('listens for SIGINT')
})
