// Nobody reads: what the sending alone costs the server.

export async function receiver() {
  return undefined
}
