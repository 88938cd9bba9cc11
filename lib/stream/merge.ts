import type { Batch, Reader } from './contracts.js'

/** A batch and the reader it came from. */
export interface Pulled {
  readonly reader: Reader
  readonly batch: Batch
}

/**
 * Pulls several readers in turn: each has at most one batch outstanding, and one that is always ready cannot starve the
 * others. A reader is asked for its next batch only when its last one was taken out by `next`, so a slow sink slows all.
 */
export interface Merge {
  /**
   * The next batch of any reader; null once all have ended. When a reader throws, no reader is asked for more: what all of
   * them have handed over comes first, then this throws the same.
   */
  next (): Promise<Pulled | null>
  /** Readers that acknowledge may be asked again: what they gave is safe. To be called only with `untilReleased`. */
  release (): void
  /** Resolves with true when `next` would not have to wait, with false after `ms`. */
  ready (ms: number): Promise<boolean>
}

/** With `untilReleased`, readers that acknowledge are asked for more only after `release`. */
export function merge (readers: readonly Reader[], { untilReleased = false } = {}): Merge {
  const sources = readers.map(reader => ({ reader, iterator: reader[Symbol.asyncIterator]() }))
  const arrived: Array<{ source: typeof sources[number], batch: Batch }> = []
  let due = [...sources]
  let unsafe: typeof sources = []
  let running = sources.length
  let failure: { readonly error: unknown } | null = null
  let wake: (() => void) | null = null

  const isReady = (): boolean => arrived.length > 0 || failure !== null || running === 0

  async function pull (source: typeof sources[number]): Promise<void> {
    try {
      const { done, value } = await source.iterator.next()
      if (done === true) running--
      else arrived.push({ source, batch: value })
    } catch (error) {
      failure ??= { error }
    }
    if (isReady()) wake?.()
  }

  function pullDue (): void {
    const sources = due
    due = []
    for (const source of sources) void pull(source)
  }

  async function ready (ms: number): Promise<boolean> {
    if (failure === null) pullDue()
    if (isReady()) return true
    return await new Promise(resolve => {
      const timer = ms === Infinity ? undefined : setTimeout(settle, ms, false)
      function settle (value: boolean): void {
        clearTimeout(timer)
        wake = null
        resolve(value)
      }
      wake = () => { settle(true) }
    })
  }

  return {
    ready,
    release () {
      due.push(...unsafe)
      unsafe = []
    },
    async next () {
      await ready(Infinity)
      const item = arrived.shift()
      if (item !== undefined) {
        if (untilReleased && item.source.reader.acknowledges === true) unsafe.push(item.source)
        else due.push(item.source)
        return { reader: item.source.reader, batch: item.batch }
      }
      if (failure !== null) throw failure.error
      return null
    }
  }
}
