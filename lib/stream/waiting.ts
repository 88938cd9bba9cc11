/** What an instance waits for, noted in its state under `waitingKey`, for who asks why it is behind; `null` when that is over. */
export interface Waiting {
  /** Milliseconds since 1970. */
  readonly sinceMs: number
  readonly store: string
  readonly reason: string
}

export const waitingKey = 'waiting'
