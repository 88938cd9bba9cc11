import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether whoever sends these headers does not want to be counted: by the cookie of that name with the value 1, by `DNT: 1`, or by
 * `Sec-GPC: 1`. Of several cookies of the name one is enough, as of several headers.
 */
export function hasOptedOut ({ cookie = '', dnt, 'sec-gpc': gpc }: IncomingHttpHeaders, cookieName: string): boolean {
  return isOne(dnt) || isOne(gpc) || cookie.split(';').some(pair => isSet(pair, cookieName))
}

/** RFC 6265, section 5.2: blanks around name and value do not count. */
function isSet (pair: string, name: string): boolean {
  const at = pair.indexOf('=')
  return pair.slice(0, Math.max(at, 0)).trim() === name && pair.slice(at + 1).trim() === '1'
}

function isOne (header: string | string[] | undefined): boolean {
  return header?.toString().split(',').some(value => value.trim() === '1') === true
}
