import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * Whether only this host can reach a socket that is bound there or, of one that connects, what it connects to. `*`, other names and
 * anything unusual are not. ZeroMQ binds to names of interfaces, and takes the same ones for names of hosts when it connects.
 */
export function isLoopback (host: string | null, binds: boolean): boolean {
  if (host === null) return false
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost' || (binds && host === 'lo')
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  return loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
