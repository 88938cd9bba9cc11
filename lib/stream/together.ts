import { batchLimits, batchOfBytes, mostSchemas } from './batch.js'
import type { Batch, Provenance } from './contracts.js'
import { minuteOf } from './ledger.js'

/** Of a batch that is made of others: what a longer text costs is in `FileSource`. */
const mostBytes = 64 << 10

/**
 * The same records in the same order, in as few batches as may be: small ones that follow each other become one, if they entered the
 * pipeline in the same minute from the same input. Its time is that of the first, its position that of the last.
 */
export function together (batches: readonly Batch[]): Batch[] {
  const result: Batch[] = []
  let run = new Run()
  for (const batch of batches) {
    if (!run.suits(batch)) {
      result.push(...run.batches())
      run = new Run()
    }
    run.add(batch)
  }
  return [...result, ...run.batches()]
}

/** Batches that may be one. */
class Run {
  readonly #batches: Batch[] = []
  readonly #schemas = new Map<string, number>()
  #bytes = 0
  #count = 0

  suits ({ count, payload, provenance }: Batch): boolean {
    const first = this.#batches[0]?.provenance
    if (first === undefined) return true
    if (first === null || provenance === null || minuteOf(first.timeMs) !== minuteOf(provenance.timeMs) || first.source !== provenance.source) return false
    if (this.#bytes + payload.length + 1 > mostBytes || this.#count + count > batchLimits.records) return false
    return this.#schemas.size + provenance.schemas.size <= mostSchemas
  }

  add (batch: Batch): void {
    this.#batches.push(batch)
    this.#bytes += batch.payload.length + 1
    this.#count += batch.count
    for (const [schema, records] of batch.provenance?.schemas ?? []) this.#schemas.set(schema, (this.#schemas.get(schema) ?? 0) + records)
  }

  batches (): Batch[] {
    const [first, last] = [this.#batches[0]?.provenance, this.#batches.at(-1)?.provenance]
    if (this.#batches.length < 2 || first === undefined || first === null) return this.#batches
    const taken = new Map<string, number>()
    for (const { provenance } of this.#batches) for (const [schema, records] of provenance?.taken ?? []) taken.set(schema, (taken.get(schema) ?? 0) + records)
    const provenance: Provenance = { ...first, position: last?.position ?? null, taken, schemas: this.#schemas }
    const joined = batchOfBytes(joinedPayload(this.#batches, this.#bytes), provenance)
    return joined === null ? [] : [joined]
  }
}

/** With a newline after each. `bytes` is how many that are. */
function joinedPayload (batches: readonly Batch[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const { payload } of batches) {
    at += payload.copy(joined, at)
    joined[at++] = 0x0a
  }
  return joined
}
