import { messageOf, RecordError } from '../errors.js'
import { withoutRecords } from '../event/composition.js'
import { parseJson, stringifyJson } from '../event/json.js'
import { batchOfLines, batchOfRecords, recordsOf } from '../stream/batch.js'
import type { Batch, Context, Params, PlugInRecord, Provenance, RecordFunction } from '../stream/contracts.js'
import type { Transform } from '../stream/wrap.js'

/** The option of `map:` and `filter:`. */
export interface WrapperParams {
  function: string
}

export const wrapperParams: Params<WrapperParams> = {
  type: 'object',
  properties: {
    function: { type: 'string', minLength: 1, description: 'Name of a function that a plug-in of --plugins adds. All other options are those of the URI inside.' }
  },
  required: ['function'],
  additionalProperties: false
}

/** Metric: records that a `filter:` or `map:` dropped. */
const filtered = 'filtered'

/** Keeps the records for which the function is truthy, as the bytes they are. */
export function filtering (name: string, ctx: Context): Transform {
  const keeps = guarded(name, ctx)
  return batch => {
    const lines = batch.lines()
    const verdicts = lines.map(text => keeps(text, Boolean))
    const kept = verdicts.reduce((sum, verdict) => sum + (verdict === true ? 1 : 0), 0)
    if (kept === lines.length) return batch
    ctx.metrics.increment(filtered, verdicts.filter(verdict => verdict === false).length)
    return kept === 0 ? null : batchOfRecords(recordsOf(batch).filter((_, i) => verdicts[i] === true), left(batch, i => verdicts[i] === true))
  }
}

/** Replaces each record with what the function makes of it. */
export function mapping (name: string, ctx: Context): Transform {
  const make = guarded(name, ctx)
  return batch => {
    const made = batch.lines().map(text => make(text, recordOf))
    const dropped = made.filter(text => text === null).length
    if (dropped > 0) ctx.metrics.increment(filtered, dropped)
    return batchOfLines(made.filter(text => typeof text === 'string'), left(batch, i => typeof made[i] === 'string'))
  }
}

/** The provenance of a batch of which some records are dropped. */
function left (batch: Batch, isKept: (i: number) => boolean): Provenance | null {
  const { provenance } = batch
  if (provenance === null) return null
  return { ...provenance, schemas: withoutRecords(provenance.schemas, batch.lines().filter((_, i) => !isKept(i))) }
}

/** Calls the function; a record with which it fails goes to the dead letters, and the result is undefined. */
function guarded (name: string, ctx: Context): <T>(text: string, read: (result: unknown) => T) => T | undefined {
  const recordFunction: RecordFunction = ctx.plugInFunction(name)
  return (text, read) => {
    try {
      const result = recordFunction(new LazyRecord(text))
      if (result instanceof Promise) refusePromise(result)
      return read(result)
    } catch (cause) {
      ctx.deadLetters.add(text, new RecordError('failed-function', `function "${name}" failed: ${messageOf(cause)}`, { cause, function: name }))
      return undefined
    }
  }
}

function refusePromise (promise: Promise<unknown>): never {
  // what it becomes is nobody's concern any more; unhandled, its failure would end the daemon
  promise.catch(() => {})
  throw new TypeError('it returned a promise; it must return its result at once')
}

function recordOf (result: unknown): string | null {
  if (result === null || result === undefined) return null
  if (typeof result === 'object') return stringifyJson(result)
  if (typeof result !== 'string') throw new TypeError(`it returned a ${typeof result}; return text, an object, or null`)
  if (result === '' || result.includes('\n')) throw new TypeError('it returned text that is empty or has a newline')
  return result
}

class LazyRecord implements PlugInRecord {
  readonly text: string
  #event: unknown
  #parsed = false

  constructor (text: string) {
    this.text = text
  }

  get event (): unknown {
    if (!this.#parsed) this.#event = parsedOrUndefined(this.text)
    this.#parsed = true
    return this.#event
  }
}

function parsedOrUndefined (text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
