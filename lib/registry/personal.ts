import type { FieldPath } from './entry.js'

/** Words of a name that make its field an address or a user agent, however they are joined. */
const words = new Set(['ip', 'ips', 'ipv4', 'ipv6', 'addr', 'address', 'addresses', 'ua', 'xff'])
/** The same, anywhere in a name, which may be all in lower case. */
const parts = /useragent|user[^a-z]agent|ipaddr|remoteaddr|(?:client|remote|user|host|source|peer)_?ip$|forwardedfor|forwarded[^a-z]for/i

/** Whether a field, or something that it is in, is an address or a user agent by its name: what is so is never kept. */
export function isAddress (field: FieldPath): boolean {
  return field.split('.').some(name => parts.test(name) || wordsOf(name).some(word => words.has(word)))
}

/** `clientIPAddress` is client, ip, address. */
function wordsOf (name: string): string[] {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z])([A-Z][a-z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/)
}
