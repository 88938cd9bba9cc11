import { readFile } from 'node:fs/promises'
import { isIPv4, type AddressInfo } from 'node:net'
import { endianness } from 'node:os'

/**
 * How many datagrams the kernel has dropped for the socket that is bound there, since it was bound: the last column of
 * `/proc/net/udp` and `udp6` (proc(5)). Null where the kernel does not say.
 */
export async function kernelDrops ({ address, port }: AddressInfo): Promise<number | null> {
  const table = await readFile(isIPv4(address) ? '/proc/net/udp' : '/proc/net/udp6', 'latin1').catch(() => null)
  if (table === null) return null
  const local = `${hexOf(address)}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/)
    if (columns[1] === local) return Number(columns.at(-1))
  }
  return null
}

/** An address as the kernel prints it: words of 32 bits, each in the byte order of the machine. */
function hexOf (address: string): string {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : bytesOfIPv6(address)
  return (endianness() === 'LE' ? bytes.swap32() : bytes).toString('hex')
}

function bytesOfIPv6 (address: string): Buffer {
  const plain = address.replace(/%.*$/, '').replace(/[\d.]+$/, tail => tail.includes('.') ? groupsOfIPv4(tail) : tail)
  const [front = '', back] = plain.split('::')
  const before = front === '' ? [] : front.split(':')
  const after = back === undefined || back === '' ? [] : back.split(':')
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return Buffer.from([...before, ...zeros, ...after].map(group => group.padStart(4, '0')).join(''), 'hex')
}

function groupsOfIPv4 (address: string): string {
  const hex = Buffer.from(address.split('.').map(Number)).toString('hex')
  return `${hex.slice(0, 4)}:${hex.slice(4)}`
}
