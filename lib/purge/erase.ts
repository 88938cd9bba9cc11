/** What of some users is, was, or would be erased in one place. */
export interface Erased {
  /** Table or file. */
  readonly place: string
  readonly rows: number
  readonly bytes: number
  /** Rows that hold them still: null where nobody has looked. */
  readonly left: number | null
  /** Why these are left, if they are. */
  readonly why?: string
}

/** Told now and then how far a place was looked through; for people. */
export type Looking = (place: string, through: string) => void

/** Where events of some users are erased. Each step is whole; the same erasure again goes on where one was interrupted. */
export interface EraseStore {
  /** What there is; changes nothing. */
  find (stop: AbortSignal): AsyncIterable<Erased>
  /** Erases it, looks once more, and says what is left. */
  erase (stop: AbortSignal): AsyncIterable<Erased>
  close (): Promise<void>
}
