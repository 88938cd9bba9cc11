import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Position, Reader, Writer } from '../../lib/stream/contracts.js'

/** What happened, in order. `n` counts the batches of one reader, from 0; it is also their position. */
export type Happening =
  | { readonly what: 'pull', readonly reader: number, readonly n: number }
  | { readonly what: 'commit', readonly reader: number, readonly n: number }
  | { readonly what: 'written', readonly reader: number, readonly n: number }
  | { readonly what: 'write' | 'flush' | 'flushed' | 'failed' | 'drain' }

export type Trace = Happening[]

/** A batch to be given after so many turns of the event loop; or an error to be thrown. */
export interface Step {
  readonly turns: number
  readonly error?: Error
}

export async function turnsOfTheLoop (turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await turn()
}

/** One record, which says where it is from. */
export function batchFrom (reader: number, n: number): Batch {
  return batchOfLines([`${reader}:${n}`], String(n)) as Batch
}

/** A reader that follows a script. Being asked again before it has answered is an error. */
export function scriptedReader (reader: number, steps: readonly Step[], trace: Trace, commit: (n: number) => Promise<void> = async () => {}): Reader {
  let n = 0
  let asked = false

  async function next (): Promise<IteratorResult<Batch>> {
    assert(!asked, 'asked twice')
    asked = true
    trace.push({ what: 'pull', reader, n })
    const step = steps[n]
    await turnsOfTheLoop(step?.turns ?? 0)
    asked = false
    if (step === undefined) return { done: true, value: undefined }
    if (step.error !== undefined) throw step.error
    return { done: false, value: batchFrom(reader, n++) }
  }

  return {
    [Symbol.asyncIterator]: () => ({ next }),
    async commit (position: Position) {
      await commit(Number(position))
      trace.push({ what: 'commit', reader, n: Number(position) })
    },
    close: async () => {}
  }
}

export interface WriterScript {
  /** Turns of the event loop that each call takes, again and again. */
  readonly turns?: readonly number[]
  /** Fails this call, counted from 0. */
  readonly fail?: { readonly call: number, readonly error: Error }
}

/** A writer that follows a script. Calls that overlap are an error. */
export function scriptedWriter (trace: Trace, { turns = [0], fail }: WriterScript = {}): Writer {
  let calls = 0
  let busy = false

  async function during (work: 'write' | 'flush', after: Happening): Promise<void> {
    assert(!busy, 'calls overlap')
    busy = true
    trace.push({ what: work })
    const call = calls++
    await turnsOfTheLoop(turns[call % turns.length] ?? 0)
    busy = false
    if (fail !== undefined && call === fail.call) {
      trace.push({ what: 'failed' })
      throw fail.error
    }
    trace.push(after)
  }

  return {
    async write (batch) {
      const [reader = 0, n = 0] = (batch.lines()[0] ?? '').split(':').map(Number)
      await during('write', { what: 'written', reader, n })
    },
    flush: async () => { await during('flush', { what: 'flushed' }) },
    close: async () => {}
  }
}
