import type { IncomingMessage } from 'node:http'
import type { Refusal } from './http-answers.js'

/** Of a URI (RFC 3986, section 3.2.2), with a port. */
const host = /^[A-Za-z0-9._~!$&'()*+,;=%:[\]-]*$/

/** What is wrong with a request that Node's parser has let through; null if nothing is. */
export function faultOf ({ httpVersion, headers, rawHeaders }: IncomingMessage, mostHeaders: number): Refusal | null {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505
  if (rawHeaders.length / 2 > mostHeaders) return 431
  if (!hasGoodHost(rawHeaders, httpVersion)) return 400
  const { 'transfer-encoding': transferEncoding, 'content-encoding': contentEncoding } = headers
  // RFC 9112, section 6.1: whoever speaks HTTP/1.0 may have understood the length otherwise
  if (transferEncoding !== undefined && httpVersion === '1.0') return 400
  if (transferEncoding !== undefined && transferEncoding.trim().toLowerCase() !== 'chunked') return 501
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== 'identity') return 415
  return null
}

/** RFC 9112, section 3.2: one and no more, and what it should be; before HTTP/1.1 there may be none. */
function hasGoodHost (rawHeaders: readonly string[], httpVersion: string): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'host') continue
    if (++count > 1 || !host.test(rawHeaders[i + 1] ?? '')) return false
  }
  return count === 1 || httpVersion === '1.0'
}

/** What to answer when a connection fails, by the code of Node's error; null when nobody is there any more. */
export function refusalOf (code: string | undefined): Refusal | null {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  if (code === 'HPE_PAUSED_H2_UPGRADE') return 505
  return code?.startsWith('HPE_') === true && code !== 'HPE_INVALID_EOF_STATE' ? 400 : null
}
