import { hash } from 'node:crypto'

/** RFC 9562, section 6.6: the namespace for names that are URLs; its bytes begin the hashed text. */
const urlNamespace = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex')

/** The namespace, then room for the URL of almost every event; used by one call at a time. */
const scratch = Buffer.concat([urlNamespace, Buffer.alloc(1008)])
/** The beginnings of `scratch` that were needed so far, by length: making one takes a sixth of the whole. */
const beginnings: Buffer[] = []

/** Version 5 UUID (RFC 9562, section 5.5: SHA-1) of a URL, as 32 lower-case hex digits without hyphens. */
export function uuidOfUrl (url: string): string {
  const room = urlNamespace.length + url.length * 3
  const named = room <= scratch.length ? shortName(url) : Buffer.concat([urlNamespace, Buffer.from(url)])
  digits.write(hash('sha1', named, 'hex'), 'latin1')
  digits[12] = five
  digits[16] = variants[digits[16] as number] as number
  return digits.toString('latin1')
}

/** Namespace and URL, to be used before the next call. */
function shortName (url: string): Buffer {
  const end = urlNamespace.length + scratch.write(url, urlNamespace.length)
  const known = beginnings[end] ?? scratch.subarray(0, end)
  beginnings[end] = known
  return known
}

/** The digits of a uuid in the making: putting it together from parts of a string takes longer. */
const digits = Buffer.alloc(32)
const five = 0x35
/** The digit of the variant (RFC 9562, section 4.1: binary 10xx) by the digit of the digest. */
const variants = Uint8Array.from({ length: 128 }, (_, code) => '89ab'.charCodeAt(parseInt(String.fromCharCode(code), 16) % 4))

/**
 * What identifies an event: who received it, under which number, when. The same line has the same uuid on every host,
 * which is what makes replays, fail-over and back-fills idempotent. Null if something of it is missing.
 */
export function uuidOfCapsule (capsule: Readonly<Record<string, unknown>>): string | null {
  const { recvFrom, seqId, timestamp, dt } = capsule
  if (typeof recvFrom !== 'string' || typeof seqId !== 'number') return null
  // ten digits are the seconds, also of a time in milliseconds
  if (typeof timestamp === 'number') return uuidOfUrl(`event://${recvFrom}/?seqId=${seqId}&timestamp=${String(timestamp).slice(0, 10)}`)
  if (typeof dt === 'string') return uuidOfUrl(`event://${recvFrom}/?seqId=${seqId}&dt=${dt}`)
  return null
}
