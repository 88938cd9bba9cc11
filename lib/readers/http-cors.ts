import type { OutgoingHttpHeaders } from 'node:http'

type Headers = Readonly<OutgoingHttpHeaders>

const allowed = {
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Content-Type',
  'Access-Control-Max-Age': '86400'
}

/**
 * What browsers want to be told before they send an event from another origin, and show its answer to the page.
 *
 * `*` is enough for images, `fetch` without credentials, and `sendBeacon` of text. `sendBeacon` of `application/json` sends credentials
 * and asks before; then the origin has to be named (Fetch, section 4.9). Names come from the operator's list: `Origin` is only looked
 * up in it.
 */
export class Cors {
  readonly #any: Headers
  readonly #anyPreflight: Headers
  readonly #listed: ReadonlyMap<string, { readonly headers: Headers, readonly preflight: Headers }>

  /** Each as `https://www.example.org`. */
  constructor (origins: readonly string[]) {
    const common = {
      'Cache-Control': 'no-store',
      // pages that isolate themselves (COEP) load no image of another origin without it
      'Cross-Origin-Resource-Policy': 'cross-origin',
      ...(origins.length === 0 ? {} : { Vary: 'Origin' })
    }
    this.#any = { ...common, 'Access-Control-Allow-Origin': '*' }
    this.#anyPreflight = { ...this.#any, ...allowed }
    this.#listed = new Map(origins.map(origin => {
      const headers = { ...common, 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' }
      return [origin, { headers, preflight: { ...headers, ...allowed } }]
    }))
  }

  headers (origin: string | undefined): Headers {
    return this.#of(origin)?.headers ?? this.#any
  }

  preflight (origin: string | undefined): Headers {
    return this.#of(origin)?.preflight ?? this.#anyPreflight
  }

  /** As the operator has written it; undefined for what is not in the list. */
  listed (origin: string | undefined): string | undefined {
    return this.#of(origin)?.headers['Access-Control-Allow-Origin']?.toString()
  }

  #of (origin: string | undefined): { readonly headers: Headers, readonly preflight: Headers } | undefined {
    return origin === undefined ? undefined : this.#listed.get(origin)
  }
}
