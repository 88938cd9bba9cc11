import { nameAmong } from '../event/composition.js'
import type { Identity } from '../event/identity.js'
import type { Origin } from './load.js'

/** Records of one schema that came in one batch. */
export interface Piece {
  readonly origin: Origin
  /** Copies: the text of a record keeps that of its whole batch in memory. */
  readonly records: Buffer[]
  /** Of the records. */
  bytes: number
  /** Counts pieces in the order they came. */
  readonly number: number
  /** Why they cannot become rows, if they cannot. */
  error?: unknown
}

interface Place {
  readonly pieces: Piece[]
  /** Of the last piece, as it came: that of the piece itself does not keep what the whole batch is counted as. */
  origin: Origin | null
  isReady: boolean
  error?: unknown
}

/** What every record is counted and held for besides its bytes. */
const overheadBytes = 150

/**
 * Records that cannot become rows yet: their schema is being fetched, or their table made or altered. They wait here in their order
 * while those of other schemas pass. It has no bound of its own: whoever adds looks at `bytes`.
 */
export class SetAside {
  readonly #places = new Map<string, Place>()
  /** In the order they came, so that those of one minute come together. */
  #ready: Piece[] = []
  #wake: (() => void) | null = null
  #pieces = 0
  /** Of memory, about: all records that are here. */
  bytes = 0
  rows = 0

  get isEmpty (): boolean {
    return this.#places.size === 0 && this.#ready.length === 0
  }

  /** Nothing waits any more: what is here may be taken out together. */
  get isReady (): boolean {
    return [...this.#places.values()].every(place => place.isReady)
  }

  /** Records of that schema have to wait; `preparation` is what for. */
  begin (schema: Identity, preparation: Promise<void>): void {
    const place: Place = { pieces: [], origin: null, isReady: false }
    this.#places.set(keyOf(schema), place)
    void preparation.catch((error: unknown) => { place.error = error }).then(() => {
      place.isReady = true
      this.#wake?.()
    })
  }

  /** False when nothing is prepared for that schema: its records need not wait. */
  add (schema: Identity, record: string, origin: Origin): boolean {
    const place = this.#places.get(keyOf(schema))
    if (place === undefined) return false
    let piece = place.pieces.at(-1)
    if (piece === undefined || place.origin !== origin) {
      const { timeMs, schemas } = origin
      const own = schemas === null ? null : new Map([[nameAmong(schemas, record), 1]])
      place.pieces.push(piece = { origin: { timeMs, schemas: own }, records: [], bytes: 0, number: this.#pieces++ })
      place.origin = origin
    }
    const copy = Buffer.from(record)
    piece.records.push(copy)
    piece.bytes += copy.length
    this.bytes += copy.length + overheadBytes
    this.rows++
    return true
  }

  /** The first records that need not wait any more. They are here until they are removed. */
  firstReady (): Piece | undefined {
    const before = this.#ready.length
    for (const [key, { isReady, pieces, error }] of this.#places) {
      if (!isReady) continue
      this.#places.delete(key)
      for (const piece of pieces) this.#ready.push(error === undefined ? piece : { ...piece, error })
    }
    if (this.#ready.length > before) this.#ready.sort((one, other) => one.number - other.number)
    return this.#ready[0]
  }

  removeFirst (): void {
    const { bytes = 0, records = [] } = this.#ready.shift() ?? {}
    this.bytes -= bytes + records.length * overheadBytes
    this.rows -= records.length
  }

  /** Resolves when nothing waits any more; or after `ms`, or later, when something does not. */
  async untilReady (ms: number): Promise<void> {
    const end = performance.now() + ms
    while (!this.isReady) {
      const left = end - performance.now()
      if (left <= 0 && this.firstReady() !== undefined) return
      await this.#change(left)
    }
  }

  /** Resolves when a preparation ends, or after `ms` if they are above 0. */
  async #change (ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      this.#wake = resolve
      if (ms > 0) timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
    this.#wake = null
  }
}

/** A name may have slashes, a revision has none. */
function keyOf ({ name, revision }: Identity): string {
  return `${revision}/${name}`
}
