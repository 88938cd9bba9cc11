import { codeOf, messageOf, StreamError } from '../errors.js'

/** One line of a graph. */
export interface Series {
  readonly target: string
  /** Oldest first. */
  readonly points: readonly Point[]
}

export interface Point {
  /** Null where nothing was measured, or nothing finite came of it. */
  readonly value: number | null
  /** Seconds since 1970. */
  readonly time: number
}

/** What part of a graph is meant: times as Graphite takes them (`-15min`, `now`, seconds since 1970). */
export interface Window {
  readonly from: string
  readonly until: string
}

export interface Picture extends Window {
  readonly title?: string
  /** Pixels. */
  readonly width?: number
  readonly height?: number
}

/** Answers larger than this are refused: a graph of a week has some 10,000 points a line. */
const mostBytes = 16 << 20

/** Graphite's render API (https://graphite.readthedocs.io/en/latest/render_api.html). All throw `StreamError` that says what Graphite did. */
export class GraphiteClient {
  /** For requests and messages: without name and password. */
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #stop: AbortSignal | undefined

  /** `base` is the URL of graphite-web, with no slash at its end; it may have a name and a password. `timeoutMs` is for a whole answer. */
  constructor (base: string, timeoutMs: number, stop?: AbortSignal) {
    const { bare, authorization } = withoutCredentials(base)
    this.#base = bare
    this.#headers = authorization === undefined ? {} : { authorization }
    this.#timeoutMs = timeoutMs
    this.#stop = stop
  }

  /** Series that match; none if Graphite has no such metric. */
  async series (targets: readonly string[], { from, until }: Window): Promise<Series[]> {
    const body = await this.#ask([...targets.map(target => ['target', target] as const), ['from', from], ['until', until], ['format', 'json']])
    return readSeries(body, this.#base)
  }

  /** A PNG; times are in UTC. */
  async picture (targets: readonly string[], { from, until, title = '', width = 600, height = 300 }: Picture): Promise<Buffer> {
    const options = Object.entries({ from, until, title, width: String(width), height: String(height), tz: 'UTC', format: 'png' })
    const body = await this.#ask([...targets.map(target => ['target', target] as const), ...options])
    if (!body.subarray(0, pngStart.length).equals(pngStart)) throw new StreamError('cannot-read', `Graphite sent something else than a PNG, at ${this.#base}`)
    return body
  }

  async #ask (fields: ReadonlyArray<readonly [string, string]>): Promise<Buffer> {
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]))
    const timer = new AbortController()
    const timeout = setTimeout(() => { timer.abort() }, this.#timeoutMs)
    const signal = this.#stop === undefined ? timer.signal : AbortSignal.any([timer.signal, this.#stop])
    try {
      // a redirection may lead anywhere, and would get the password as well
      const response = await fetch(`${this.#base}/render`, { method: 'POST', body, headers: this.#headers, signal, redirect: 'manual' })
      if (response.status !== 200) {
        await response.body?.cancel()
        throw new StreamError('cannot-read', `Graphite answered ${response.status}, at ${this.#base}`, { status: response.status })
      }
      return await limited(response, this.#base)
    } catch (error) {
      if (error instanceof StreamError) throw error
      if (this.#stop?.aborted === true) throw new StreamError('stopped', `stopped before Graphite had answered, at ${this.#base}`, { cause: error })
      if (timer.signal.aborted) throw new StreamError('cannot-read', `Graphite did not answer in ${this.#timeoutMs / 1000} s, at ${this.#base}`, { cause: error })
      throw new StreamError('cannot-connect', `Graphite cannot be reached: ${reasonOf(error)}, at ${this.#base}`, { cause: error })
    } finally {
      clearTimeout(timeout)
    }
  }
}

/** fetch refuses URLs that have credentials, and says them. */
function withoutCredentials (base: string): { bare: string, authorization?: string } {
  const url = URL.canParse(base) ? new URL(base) : undefined
  if (url === undefined || (url.username === '' && url.password === '')) return { bare: base }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = url.password = ''
  return { bare: url.href.replace(/\/+$/, ''), authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/** fetch says "fetch failed", and the reason below it. */
function reasonOf (error: unknown): string {
  if (!(error instanceof Error) || error.cause === undefined) return messageOf(error)
  return codeOf(error.cause) ?? messageOf(error.cause)
}

const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

async function limited (response: Response, base: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new StreamError('cannot-read', `Graphite sent more than ${mostBytes >> 20} MiB, at ${base}; ask for less`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function readSeries (body: Buffer, base: string): Series[] {
  const wrong = (): StreamError => new StreamError('cannot-read', `Graphite sent something else than series in JSON, at ${base}`)
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw wrong()
  }
  if (!Array.isArray(value)) throw wrong()
  return value.map((entry: unknown) => {
    if (!isSeries(entry)) throw wrong()
    return { target: entry.target, points: entry.datapoints.map(([value, time]) => ({ value: Number.isFinite(value) ? value : null, time })) }
  })
}

function isSeries (entry: unknown): entry is { target: string, datapoints: Array<[number | null, number]> } {
  if (typeof entry !== 'object' || entry === null || !('target' in entry) || !('datapoints' in entry)) return false
  return typeof entry.target === 'string' && Array.isArray(entry.datapoints) && entry.datapoints.every((point: unknown) =>
    Array.isArray(point) && (point[0] === null || typeof point[0] === 'number') && typeof point[1] === 'number')
}
