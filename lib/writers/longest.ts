import { RecordError, type ErrorCode } from '../errors.js'
import { withoutRecords } from '../event/composition.js'
import { batchOfRecords, recordsOf } from '../stream/batch.js'
import type { Batch, Context } from '../stream/contracts.js'
import { without } from '../stream/ledger.js'

export interface Longest {
  /** Of a record. */
  readonly bytes: number
  readonly code: ErrorCode
  /** What takes no more: "a message at most 1024 (option max-message)". */
  readonly takes: string
}

/**
 * The records that a transport can carry; the others become dead letters. Both are entered into the ledger, so the writer keeps its
 * own books (`keepsBooks`). Null if none is left.
 */
export function accepted (batch: Batch, stream: string, { bytes, code, takes }: Longest, ctx: Context): Batch | null {
  const { provenance } = batch
  const refused: string[] = []
  const records = batch.payload.length <= bytes
    ? []
    : recordsOf(batch).filter(record => {
      if (record.length <= bytes) return true
      refused.push(record.toString())
      ctx.deadLetters.add(record.toString(), new RecordError(code, `the record has ${record.length} bytes, ${takes}`))
      return false
    })
  if (refused.length === 0) {
    if (provenance !== null) ctx.ledger.enter('output', stream, 'passed', provenance.timeMs, provenance.schemas)
    return batch
  }
  if (provenance === null) return batchOfRecords(records)
  const schemas = withoutRecords(provenance.schemas, refused)
  ctx.ledger.enter('output', stream, 'dead_letter', provenance.timeMs, without(provenance.schemas, schemas))
  ctx.ledger.enter('output', stream, 'passed', provenance.timeMs, schemas)
  return batchOfRecords(records, { ...provenance, schemas })
}
