import { isUtf8 } from 'node:buffer'
import { isIP } from 'node:net'

export interface Beacon {
  /** What stands behind the `?`, or an encoded body. */
  readonly query: string
  readonly seqId: number
  readonly recvFrom: string
  readonly address: string
  /** As Node gives headers: one character a byte. */
  readonly userAgent: string | undefined
}

/**
 * The line that varnishncsa would have written, for the format `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`: its fields
 * hold no white space, except the last one, and none holds a control character.
 */
export function lineOf ({ query, seqId, recvFrom, address, userAgent }: Beacon): Buffer {
  const agent = userAgent === undefined ? '-' : userAgent.replace(controls, ' ').trim() || '-'
  const time = new Date().toISOString().slice(0, 19)
  return Buffer.from(`?${query.replace(unsafe, percentByte)} ${recvFrom} ${seqId} ${time} ${address} ${agent}`, 'latin1')
}

const controls = /[^ -~\x80-\xff]/g
const unsafe = /[^\x21-\x7e]/g

function percentByte (character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** A body as a query. Bytes that are not UTF-8 stay what they are, for the processor to refuse. */
export function queryOfBody (body: Buffer): string {
  if (isUtf8(body)) return encodeURIComponent(body.toString('utf8'))
  return body.toString('latin1').replace(/[^A-Za-z0-9_.~-]/g, percentByte)
}

/**
 * The client's address. Each of `trustedProxies` appended to `X-Forwarded-For` the address that it was called from, so that
 * many entries from the right can be believed and the leftmost of these is the client; what is left of it anybody may have
 * written. The address of the socket when there is none, or it is no address.
 */
export function clientAddress (socketAddress: string | undefined, forwardedFor: string | undefined, trustedProxies: number): string {
  const hops = trustedProxies === 0 || forwardedFor === undefined ? [] : forwardedFor.split(',').slice(-trustedProxies)
  const claimed = (hops[0] ?? '').trim().replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
  const address = isIP(claimed) === 0 ? socketAddress ?? '-' : claimed
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
