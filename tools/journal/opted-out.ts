import { batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch, Context } from '../../lib/stream/contracts.js'

/** Leaves out the records of users who opted out: what leaves a journal by way of a tool may go anywhere. */
export interface LeavingOut {
  /** Null if nothing is left. */
  leaveOut (batch: Batch): Batch | null
  /** How many these were, if any. */
  tell (): void
}

export function leavingOut ({ optOut, log }: Context): LeavingOut {
  let count = 0
  return {
    leaveOut (batch) {
      const isOut = batch.lines().map(record => optOut.inRecord(record))
      if (!isOut.includes(true)) return batch
      count += isOut.filter(Boolean).length
      return batchOfRecords(recordsOf(batch).filter((_, i) => isOut[i] === false))
    },
    tell () {
      if (count > 0) log.warn('records of users who opted out were left out', { records: count })
    }
  }
}
