import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A TCP port of loopback that was free a moment ago. */
export async function freePort (wanted = 0): Promise<number> {
  const server = createServer().listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const lowest = 10_000
const slots = 200
const portsOfSlot = 100
let given = 0

/**
 * One for a daemon that is killed and started again: below those that the kernel gives out by itself, or a client that tries to
 * connect meanwhile may be given it, and be connected to itself. Given once, and to this process alone: test files that run at the
 * same time have process numbers that are close to each other.
 */
export async function stablePort (): Promise<number> {
  for (;;) {
    const port = lowest + (process.pid % slots) * portsOfSlot + given++ % portsOfSlot
    try {
      return await freePort(port)
    } catch { /* somebody has it */ }
  }
}
