import type { Socket } from 'node:net'

/** How long a client may take to read its last answer. */
const lingerMs = 1000

const lingering = new WeakSet<Socket>()

/**
 * Says the last words and closes, but reads on for a moment, without looking at what comes: the kernel takes back an answer that
 * was not read yet when it is sent more than anybody reads (RFC 9112, section 9.6).
 */
export function linger (socket: Socket, words = ''): void {
  if (lingering.has(socket) || socket.destroyed) return
  lingering.add(socket)
  const timer = setTimeout(() => { socket.destroy() }, lingerMs)
  socket.once('close', () => { clearTimeout(timer) })
  // a client that has gone is no error
  socket.on('error', () => {})
  // nothing is parsed any more
  socket.removeAllListeners('data')
  socket.on('data', () => {})
  socket.resume()
  socket.end(words, 'latin1')
}
