// Loaded into the services before anything else. After its shutdown hooks Nest sends its own process the signal again,
// which would also end a process that something still keeps alive; without that it has to end by itself.
const kill = process.kill.bind(process)
process.kill = (pid, signal) => (pid === process.pid ? true : kill(pid, signal))
