import { isIP } from 'node:net'
import type { LineFormat } from './line-format.js'

export interface Scrubbed {
  /** The line with the hash of each address in its place. */
  readonly text: string
  /** The same without address and hash: equal for the same line on every host, and when `text` is replayed. */
  readonly identity: string
}

/**
 * Takes client addresses out of raw lines, where the format says that a line holds one (`%h`): raw lines are kept in event
 * errors, and an address must not reach a store that way. In a line that does not match the format, everything that looks like
 * an address is taken out.
 */
export function createAddressScrubber (format: LineFormat, hashAddress: (address: string) => string): (line: string) => Scrubbed {
  const field = format.fields.find(({ conversion }) => conversion === 'address')
  if (field === undefined) return line => ({ text: line, identity: line })
  return line => {
    const found = format.locate(line, field)
    if (found === null) return scrubAnywhere(line, hashAddress)
    const [before, address, after] = [line.slice(0, found[0]), line.slice(...found), line.slice(found[1])]
    return { text: `${before}${hashAddress(address)}${after}`, identity: `${before}-${after}` }
  }
}

/** IPv4, also with a port behind it, runs of the characters of IPv6, and hashes; the former two are tried with `isIP`. */
const addressLike = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)|(?<![\w.:])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:(?:\.\d{1,3}){3})?(?![\w:])|(?<!\w)[0-9a-f]{40}(?!\w)/g
const hashLength = 40

function scrubAnywhere (line: string, hashAddress: (address: string) => string): Scrubbed {
  const isHidden = (text: string): boolean => text.length === hashLength || isIP(text) !== 0
  return {
    text: line.replace(addressLike, text => isHidden(text) ? hashAddress(text) : text),
    identity: line.replace(addressLike, text => isHidden(text) ? '-' : text)
  }
}
