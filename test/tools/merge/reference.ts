export interface ContentFile {
  readonly path: string
  /** Decompressed. */
  readonly content: Buffer
}

/** Files of one host. */
export type HostFiles = readonly ContentFile[]

interface SeenLine {
  readonly host: number
  /** Bytes as characters. */
  readonly text: string
  /** Null for what is recognised by its bytes. */
  readonly id: string | null
  readonly timeMs: number
  readonly kind: 'event' | 'json' | 'other' | 'too long'
}

const never = Infinity

type Counts = Readonly<Record<string, unknown>>
type ExpectedSummary = Counts & { readonly hosts: readonly Counts[] }

/** What a merge has to make of files, found out in the simplest way: all in memory. */
export function expectedOf (hosts: readonly HostFiles[], longestLine: number): { lines: string[], summary: ExpectedSummary } {
  const all = hosts.map((files, host) => files.flatMap(({ content }) => content.toString('latin1').split('\n')).map(line => line.replace(/\r$/, '')).filter(line => line !== '').map(line => seen(line, host, longestLine)))
  const events = new Map<string, SeenLine>()
  for (const line of all.flat()) if (line.id !== null && !events.has(line.id)) events.set(line.id, line)
  const others = new Set(all.flat().filter(({ id }) => id === null).map(({ text }) => text))
  const copies = (text: string): number => Math.max(...all.map(lines => lines.filter(line => line.id === null && line.text === text).length))
  const lines = [...[...events.values()].map(({ text }) => text), ...[...others].flatMap(text => Array<string>(copies(text)).fill(text))]

  const idsOf = all.map(lines => new Set(lines.flatMap(({ id }) => id ?? [])))
  const holders = (id: string): number[] => hosts.map((_, host) => host).filter(host => idsOf[host]?.has(id) === true)
  const count = (host: number, kind: SeenLine['kind']): number => all[host]?.filter(line => line.kind === kind).length ?? 0
  const differing = all.flat().filter(({ id, text }) => id !== null && events.get(id)?.text !== text)
  return {
    lines,
    summary: {
      written: lines.length,
      events: events.size,
      inAll: [...events.keys()].filter(id => holders(id).length === hosts.length).length,
      differing: differing.length,
      hosts: all.map((lines, host) => ({
        name: `h${host}`,
        files: hosts[host]?.length,
        lines: lines.length,
        withoutUuid: count(host, 'json'),
        notJson: count(host, 'other'),
        tooLong: count(host, 'too long'),
        events: idsOf[host]?.size,
        duplicates: count(host, 'event') - (idsOf[host]?.size ?? 0),
        only: [...events.keys()].filter(id => holders(id).join() === String(host)).length,
        missing: [...events.keys()].filter(id => !holders(id).includes(host)).length
      }))
    }
  }
}

/** In which order lines should be, of those that have one: by time, then plain uuids before others, each by itself. */
export function orderOf (lines: readonly string[], longestLine: number): number[] {
  const keys = lines.map(line => {
    const { id, timeMs } = seen(line, 0, longestLine)
    const rank = id === null ? 3 : /^[0-9a-f]{32}$/.test(id) ? 0 : /^[0-9a-f-]{36}$/.test(id) ? 1 : 2
    return { timeMs, rank, id: rank < 2 ? id ?? '' : '' }
  })
  const compare = (a: typeof keys[number], b: typeof keys[number]): number => a.timeMs - b.timeMs || a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  return keys.map((_, i) => i).sort((i, j) => compare(keys[i] as typeof keys[number], keys[j] as typeof keys[number]))
}

function seen (text: string, host: number, longestLine: number): SeenLine {
  const none = { host, text, id: null, timeMs: never }
  if (text.length > longestLine) return { ...none, kind: 'too long' }
  const object = objectIn(Buffer.from(text, 'latin1'))
  if (object === null) return { ...none, kind: 'other' }
  const { uuid, meta, timestamp, dt, time } = object as { uuid?: unknown, meta?: { id?: unknown, dt?: string }, timestamp?: number, dt?: string, time?: string }
  const id = uuid === undefined ? meta?.id : uuid
  const date = dt ?? meta?.dt ?? time
  const timeMs = timestamp !== undefined ? (timestamp < 1e10 ? timestamp * 1000 : timestamp) : date === undefined ? never : Date.parse(date)
  return { host, text, id: typeof id === 'string' && id !== '' ? id : null, timeMs, kind: typeof id === 'string' && id !== '' ? 'event' : 'json' }
}

function objectIn (bytes: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return typeof value === 'object' && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
