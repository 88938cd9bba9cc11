import { openCounts, type Counts, type Failure } from '../../../lib/counts/read.js'
import { messageOf, StreamError, VanadiumError } from '../../../lib/errors.js'
import type { GraphiteClient, Series } from '../../../lib/graphite/client.js'

/** Of a schema, as metrics call it. Estimates from rates need not be whole. */
export interface InvalidCount {
  readonly schema: string
  readonly valid: number
  readonly invalid: number
}

export interface InvalidCounts {
  readonly schemas: readonly InvalidCount[]
  /** What is wrong with the events of a schema, most frequent first; a few lines, none if the source does not know. */
  failures (schema: string): string[]
  /** Of whom counts are missing, with the reason. */
  readonly unreadable: readonly string[]
}

const mostFailures = 3

/** What the monitors of this host have counted. Throws `ConfigError` if there is none, `StreamError` if it cannot be read. */
export function countsOfHost (stateDirectory: string, windowMs: number): InvalidCounts {
  const counts = openCounts(stateDirectory)
  try {
    return added(counts, windowMs)
  } catch (cause) {
    if (cause instanceof VanadiumError) throw cause
    // SQLite opens at the first question, and for a stopped monitor's state it has to write
    throw new StreamError('cannot-read', `counts in ${stateDirectory} cannot be read: ${messageOf(cause)}; run this as the daemons' user, or as root`, { cause })
  } finally {
    counts.close()
  }
}

function added (counts: Counts, windowMs: number): InvalidCounts {
  const now = Date.now()
  const sums = new Map<string, InvalidCount>()
  for (const { schema, valid, invalid } of counts.bySchema(now - windowMs, now)) {
    const sum = sums.get(schema)
    sums.set(schema, { schema, valid: (sum?.valid ?? 0) + valid, invalid: (sum?.invalid ?? 0) + invalid })
  }
  const failures = counts.failures(now - windowMs, now)
  return {
    schemas: [...sums.values()],
    unreadable: counts.unreadable,
    failures: schema => failures.filter(failure => failure.schema === schema).slice(0, mostFailures).map(inWords)
  }
}

function inWords ({ count, code, pointer, expected, seen }: Failure): string {
  const what = code === 'processor' ? 'the line cannot be read' : `${pointer === '' ? 'the event' : pointer}: ${expected === '' ? 'something else' : expected} expected`
  return `${count} times: ${code === 'other' ? 'what was not looked at' : what}${seen === '' ? '' : `, ${seen} seen`}`
}

/** From the rates in Graphite, which are of all hosts that send there. */
export async function countsOfGraphite (client: GraphiteClient, prefix: string, windowMs: number): Promise<InvalidCounts> {
  const pattern = `${prefix}.schema.*`
  const series = await client.series([`${pattern}.rate`, `${pattern}.invalid.rate`], { from: `-${windowMs / 1000}s`, until: 'now' })
  const sums = new Map<string, InvalidCount>()
  for (const one of series) {
    const [, schema, isInvalid] = /^([^.]+)(\.invalid)?\.rate$/.exec(one.target.slice(prefix.length + '.schema.'.length)) ?? []
    if (schema === undefined) continue
    const { valid = 0, invalid = 0 } = sums.get(schema) ?? {}
    const events = eventsOf(one, windowMs)
    sums.set(schema, isInvalid === undefined ? { schema, valid: valid + events, invalid } : { schema, valid, invalid: invalid + events })
  }
  return { schemas: [...sums.values()], failures: () => [], unreadable: [] }
}

/** A rate holds for the time up to the next point. */
function eventsOf ({ points }: Series, windowMs: number): number {
  const [first, second] = points
  const seconds = first === undefined || second === undefined ? windowMs / 1000 : second.time - first.time
  return points.reduce((sum, { value }) => sum + Math.max(value ?? 0, 0), 0) * seconds
}
