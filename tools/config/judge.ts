import { parsed } from '../../lib/event/composition.js'
import { parseJson } from '../../lib/event/json.js'
import type { Case } from './cases.js'
import { differences } from './differences.js'
import type { Trial } from './trial.js'

/** What an output is called and what it may get. */
export interface Output {
  readonly uri: string
  /** A processor has events, and event errors in the place of some. */
  readonly gets: ReadonlySet<'events' | 'errors'>
}

/** What differs from what was expected, a line each; none if it is so. */
export function judge ({ expected }: Case, trial: Trial, outputs: readonly Output[], isProcessor: boolean): string[] {
  const kind = expected.kind === 'error' ? 'errors' : 'events'
  const counting = outputs.filter(({ gets }) => gets.has(kind))
  const found = counting.map(({ uri }) => ({ uri, told: differencesAt(expected, uri, trial, isProcessor) }))
  const [first] = found
  // mostly all outputs get the same
  if (first !== undefined && found.every(({ told }) => told.join('\n') === first.told.join('\n'))) return first.told
  return found.flatMap(({ uri, told }) => told.map(text => `${uri}: ${text}`))
}

function differencesAt (expected: Case['expected'], uri: string, trial: Trial, isProcessor: boolean): string[] {
  const records = trial.written.get(uri) ?? []
  const [record] = records
  const error = isProcessor ? errorIn(record) ?? otherError(trial) : null
  if (records.length > 1) return [`expected one record, got ${records.length}`]
  switch (expected.kind) {
    case 'dropped': return droppedDifferences(expected.value, record, error, trial)
    case 'error': return error === null ? [`expected an error, got ${endOf(record, null, trial)}`] : errorDifferences(expected.value, error)
    case 'record': return record === expected.value ? [] : [`expected ${expected.value}, got ${record ?? endOf(record, error, trial)}`]
    case 'capsule': {
      if (record === undefined || error !== null) return [`expected an event, got ${endOf(record, error, trial)}`]
      return differencesText(differences(expected.value, valueOf(record)))
    }
  }
}

type EventError = Readonly<Record<string, unknown>>

function errorIn (record: string | undefined): EventError | null {
  const { schema, event }: Readonly<Record<string, unknown>> = { ...(record === undefined ? null : parsed(record)) }
  return schema === 'EventError' && typeof event === 'object' && event !== null && 'code' in event ? event : null
}

/** What another output got in the place of an event. */
function otherError ({ written }: Trial): EventError | null {
  for (const records of written.values()) for (const record of records) if (errorIn(record) !== null) return errorIn(record)
  return null
}

function valueOf (record: string): unknown {
  try {
    return parseJson(record)
  } catch {
    return record
  }
}

function droppedDifferences (why: string, record: string | undefined, error: EventError | null, trial: Trial): string[] {
  const reasons = reasonsOf(trial)
  if (record === undefined && error === null && reasons.includes(why)) return []
  return [`expected dropped: ${why}, got ${endOf(record, error, trial)}`]
}

function errorDifferences ({ message, ...expected }: EventError, error: EventError): string[] {
  const text = String(error['message'])
  const wording = message === undefined || text.includes(String(message)) ? [] : [`error/message: expected a text with "${String(message)}", got "${text}"`]
  return [...differencesText(differences(expected, error), 'error/'), ...wording]
}

function differencesText (found: ReturnType<typeof differences>, prefix = ''): string[] {
  return found.map(({ path, expected, got }) => `${prefix}${path === '' ? 'the record' : path}: expected ${expected}, got ${got}`)
}

function reasonsOf ({ dropped, failures }: Trial): string[] {
  return [...dropped, ...failures.length === 0 ? [] : ['dead_letter']]
}

/** What became of the line, in words. */
function endOf (record: string | undefined, error: EventError | null, trial: Trial): string {
  if (error !== null) return `an error: ${String(error['code'])}: ${String(error['message'])}`
  if (record !== undefined) return `a record: ${record}`
  if (trial.failures.length > 0) return `a dead letter: ${trial.failures.join('; ')}`
  return trial.dropped.length > 0 ? `dropped: ${trial.dropped.join(', ')}` : 'nothing'
}
