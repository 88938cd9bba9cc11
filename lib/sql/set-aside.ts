import type { Identity } from '../event/identity.js'
import type { Origin } from './load.js'

/** Records of one schema that came in one batch. */
export interface Piece {
  readonly origin: Origin
  readonly records: string[]
  /** Characters, about the bytes of memory that they take. */
  bytes: number
  /** Why they cannot become rows, if they cannot. */
  error?: unknown
}

interface Place {
  readonly pieces: Piece[]
  ready: boolean
  error?: unknown
}

/**
 * Records that cannot become rows yet: their schema is being fetched, or their table made or altered. They wait here in their order
 * while those of other schemas pass. It has no bound of its own: whoever adds looks at `bytes`.
 */
export class SetAside {
  readonly #places = new Map<string, Place>()
  #ready: Piece[] = []
  #wake: (() => void) | null = null
  /** Of all records that are here. */
  bytes = 0
  rows = 0

  get isEmpty (): boolean {
    return this.#places.size === 0 && this.#ready.length === 0
  }

  /** Records of that schema have to wait; `preparation` is what for. */
  begin (schema: Identity, preparation: Promise<void>): void {
    const place: Place = { pieces: [], ready: false }
    this.#places.set(keyOf(schema), place)
    void preparation.catch((error: unknown) => { place.error = error }).then(() => {
      place.ready = true
      this.#wake?.()
    })
  }

  /** False when nothing is prepared for that schema: its records need not wait. */
  add (schema: Identity, record: string, origin: Origin): boolean {
    const place = this.#places.get(keyOf(schema))
    if (place === undefined) return false
    let piece = place.pieces.at(-1)
    if (piece?.origin !== origin) place.pieces.push(piece = { origin, records: [], bytes: 0 })
    piece.records.push(record)
    piece.bytes += record.length
    this.bytes += record.length
    this.rows++
    return true
  }

  /** The first records that need not wait any more. They are here until they are removed. */
  firstReady (): Piece | undefined {
    for (const [key, { ready, pieces, error }] of this.#places) {
      if (!ready) continue
      this.#places.delete(key)
      for (const piece of pieces) this.#ready.push(error === undefined ? piece : { ...piece, error })
    }
    return this.#ready[0]
  }

  removeFirst (): void {
    const piece = this.#ready.shift()
    this.bytes -= piece?.bytes ?? 0
    this.rows -= piece?.records.length ?? 0
  }

  /** Resolves when something need not wait any more. */
  async untilReady (): Promise<void> {
    if (this.isEmpty || this.firstReady() !== undefined) return
    await new Promise<void>(resolve => { this.#wake = resolve })
    this.#wake = null
  }
}

/** A name may have slashes, a revision has none. */
function keyOf ({ name, revision }: Identity): string {
  return `${revision}/${name}`
}
