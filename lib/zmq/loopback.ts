import { BlockList, isIP, isIPv6 } from 'node:net'

/** Of ZeroMQ's names of interfaces and of those of hosts, the ones that are loopback everywhere. */
const names: readonly string[] = ['localhost', 'lo']

/** Whether only this host can reach a socket that is bound there. `*`, other names and anything unusual are not. */
export function isLoopback (host: string | null): boolean {
  if (host === null) return false
  if (isIP(host) === 0) return names.includes(host.toLowerCase())
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  return loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
