import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Position, Reader, Writer } from '../../lib/stream/contracts.js'
import { at } from './provenance.js'

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

export const stepsOf = (turns: readonly number[]): Step[] => turns.map(turns => ({ turns }))

export async function turnsOfTheLoop (turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await turn()
}

/** One record, which says where it is from. */
export function batchFrom (reader: number, n: number): Batch {
  return batchOfLines([`${reader}:${n}`], at(String(n))) as Batch
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

export function hasCommitted (trace: Trace, reader: number, n: number): boolean {
  return trace.some(happening => happening.what === 'commit' && happening.reader === reader && happening.n === n)
}

export function count (trace: Trace, what: Happening['what']): number {
  return trace.filter(happening => happening.what === what).length
}

/** The last batch of each reader that has, in order, been written, been flushed after it was written, been committed. */
export interface Reached { written: number[], flushed: number[], committed: number[] }

/** Replays what happened and checks what must hold at each point. */
export function check (trace: Trace, readers: number): Reached {
  const none = (): number[] => Array<number>(readers).fill(-1)
  const reached = { written: none(), flushed: none(), committed: none() }
  let flushing = none()
  let drained = true
  for (const happening of trace) {
    switch (happening.what) {
      case 'pull':
        assert.equal(reached.written[happening.reader], happening.n - 1, 'asked for the next before the last was written')
        break
      case 'written':
        assert.equal(happening.n, (reached.written[happening.reader] ?? 0) + 1, 'out of order, or lost')
        reached.written[happening.reader] = happening.n
        drained = false
        break
      case 'flush':
        flushing = [...reached.written]
        break
      case 'flushed':
        reached.flushed = flushing
        drained = false
        break
      case 'drain':
        drained = true
        break
      case 'commit':
        assert(drained, 'committed before the dead letters were written')
        assert(happening.n <= (reached.flushed[happening.reader] ?? 0), 'committed before it was flushed')
        assert(happening.n >= (reached.committed[happening.reader] ?? 0), 'committed backwards')
        reached.committed[happening.reader] = happening.n
        break
      case 'write':
        assert(drained, 'written before the dead letters of the last batch were')
        break
      case 'failed':
    }
  }
  return reached
}

/** A reader that gives a batch whenever `give` is called, and ends with `ctx.stop` after giving what it holds. */
export function reluctantReader (trace: Trace, stop: AbortSignal): Reader & { give (): void } {
  const held: Batch[] = []
  let n = 0
  let wake = (): void => {}
  stop.addEventListener('abort', () => { wake() })
  return {
    give () {
      held.push(batchFrom(0, n++))
      wake()
    },
    async * [Symbol.asyncIterator] () {
      for (;;) {
        const batch = held.shift()
        if (batch !== undefined) yield batch
        else if (stop.aborted) return
        else await new Promise<void>(resolve => { wake = resolve })
      }
    },
    commit: async position => { trace.push(await Promise.resolve({ what: 'commit', reader: 0, n: Number(position) })) },
    close: async () => {}
  }
}
