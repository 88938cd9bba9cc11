import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A way to a port of this host that can be cut: then nothing passes any more, in either direction, and nobody is told. */
export interface CutLink {
  readonly port: number
  cut (): void
  /** What was sent meanwhile arrives. */
  mend (): void
}

export async function cutLink (t: Pick<Test, 'teardown'>, to: number): Promise<CutLink> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer(near => {
    const far = connect(to, '127.0.0.1')
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket)
      socket.on('data', bytes => { if (!other.write(bytes)) socket.pause() })
      socket.on('drain', () => { if (!isCut) other.resume() })
      socket.on('end', () => { other.end() })
      socket.on('error', () => { other.destroy() })
      socket.on('close', () => { sockets.delete(socket) })
      if (isCut) socket.pause()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut () {
      isCut = true
      for (const socket of sockets) socket.pause()
    },
    mend () {
      isCut = false
      for (const socket of sockets) socket.resume()
    }
  }
}
