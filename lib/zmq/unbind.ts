import type { Socket } from 'zeromq'

/**
 * Gives up an address, and all connections that were made to it; another socket may have it some milliseconds later. Without the
 * wait of zeromq's `unbind`, during which nothing can be sent; its `unbindSync` binds instead (6.8.0). To ZeroMQ itself the two are one
 * and the same: it ends whatever has been opened under the address.
 */
export function unbind (socket: Socket, endpoint: string): void {
  socket.disconnect(endpoint)
}
