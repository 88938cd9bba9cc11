import type { Batch, Position, Reader } from './contracts.js'

export interface GeneratedReaderOptions {
  /** Left out by sources without positions. */
  readonly commit?: (position: Position) => Promise<void> | void
  /** Frees the transport, and ends whatever the generator may be waiting for. Called once. */
  readonly release: () => Promise<void> | void
}

/** A reader whose batches come from a generator, which may be waiting for the next one when it is closed. */
export function generatedReader (batches: AsyncGenerator<Batch>, { commit, release }: GeneratedReaderOptions): Reader {
  let closing: Promise<void> | null = null

  async function close (): Promise<void> {
    await release()
    await batches.return(undefined)
  }

  return {
    [Symbol.asyncIterator]: () => batches,
    commit: async position => { await commit?.(position) },
    close: async () => { await (closing ??= close()) }
  }
}
