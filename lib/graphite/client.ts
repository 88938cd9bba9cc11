import { codeOf, messageOf, StreamError } from '../errors.js'

/** One line of a graph. */
export interface Series {
  readonly target: string
  /** Oldest first; `value` is null where nothing was measured; `time` is in seconds since 1970. */
  readonly points: ReadonlyArray<{ readonly value: number | null, readonly time: number }>
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
  readonly #base: string
  readonly #timeoutMs: number

  /** `base` is the URL of graphite-web, with no slash at its end. */
  constructor (base: string, timeoutMs: number) {
    this.#base = base
    this.#timeoutMs = timeoutMs
  }

  /** Series that match; none if Graphite has no such metric. */
  async series (targets: readonly string[], { from, until }: Window): Promise<Series[]> {
    const body = await this.#ask([...targets.map(target => ['target', target] as const), ['from', from], ['until', until], ['format', 'json']])
    return readSeries(body, this.#base)
  }

  /** A PNG. */
  async picture (targets: readonly string[], { from, until, title = '', width = 600, height = 300 }: Picture): Promise<Buffer> {
    const options = Object.entries({ from, until, title, width: String(width), height: String(height), format: 'png' })
    const body = await this.#ask([...targets.map(target => ['target', target] as const), ...options])
    if (!body.subarray(0, pngStart.length).equals(pngStart)) throw new StreamError('cannot-read', `Graphite at ${this.#base} sent something else than a PNG`)
    return body
  }

  async #ask (fields: ReadonlyArray<readonly [string, string]>): Promise<Buffer> {
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]))
    const timer = new AbortController()
    const timeout = setTimeout(() => { timer.abort() }, this.#timeoutMs)
    try {
      const response = await fetch(`${this.#base}/render`, { method: 'POST', body, signal: timer.signal })
      if (response.status !== 200) {
        await response.body?.cancel()
        throw new StreamError('cannot-read', `Graphite at ${this.#base} answered ${response.status}`)
      }
      return await limited(response, this.#base)
    } catch (error) {
      if (error instanceof StreamError) throw error
      if (timer.signal.aborted) throw new StreamError('cannot-read', `Graphite at ${this.#base} did not answer in ${this.#timeoutMs / 1000} s`, { cause: error })
      const reason = error instanceof Error && error.cause !== undefined ? codeOf(error.cause) ?? messageOf(error.cause) : messageOf(error)
      throw new StreamError('cannot-connect', `Graphite at ${this.#base} cannot be reached: ${reason}`, { cause: error })
    } finally {
      clearTimeout(timeout)
    }
  }
}

const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

async function limited (response: Response, base: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new StreamError('cannot-read', `Graphite at ${base} sent more than ${mostBytes >> 20} MiB; ask for less`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function readSeries (body: Buffer, base: string): Series[] {
  const wrong = (): StreamError => new StreamError('cannot-read', `Graphite at ${base} sent something else than series in JSON`)
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw wrong()
  }
  if (!Array.isArray(value)) throw wrong()
  return value.map((entry: unknown) => {
    if (!isSeries(entry)) throw wrong()
    return { target: entry.target, points: entry.datapoints.map(([value, time]) => ({ value, time })) }
  })
}

function isSeries (entry: unknown): entry is { target: string, datapoints: Array<[number | null, number]> } {
  if (typeof entry !== 'object' || entry === null || !('target' in entry) || !('datapoints' in entry)) return false
  return typeof entry.target === 'string' && Array.isArray(entry.datapoints) && entry.datapoints.every((point: unknown) =>
    Array.isArray(point) && (point[0] === null || typeof point[0] === 'number') && typeof point[1] === 'number')
}
