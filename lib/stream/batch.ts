import { isAscii } from 'node:buffer'
import type { Batch, Composition, Position, Provenance, Reader } from './contracts.js'

const newline = 0x0a
const encoder = new TextEncoder()

/** Batches are cut at about this size by every reader: large enough to be fast, small enough to bound memory. */
export const batchLimits = { records: 1000, bytes: 1 << 20 } as const

/**
 * A batch from bytes: records separated by `\n`, with or without one at the end. Takes ownership of `bytes`.
 * Empty records (two newlines in a row) stay; `tidyLines` takes them out where a source may send them.
 * Returns null if there is no byte at all.
 */
export function batchOfBytes (bytes: Buffer, provenance: Provenance | null = null): Batch | null {
  if (bytes.length === 0) return null
  return new ByteBatch(bytes.at(-1) === newline ? bytes.subarray(0, -1) : bytes, provenance)
}

/** A batch without records: nothing is left of what its source gave up to here. */
export function emptyBatch (provenance: Provenance): Batch {
  return { count: 0, payload: Buffer.alloc(0), position: provenance.position, provenance: { ...provenance, schemas: nothing }, lines: () => [] }
}

const nothing: Composition = new Map()

/** The same records, with a provenance. */
export function withProvenance (batch: Batch, provenance: Provenance): Batch & { readonly provenance: Provenance } {
  // behind a wrapper, the strings of its lines live longer: the garbage collector takes three times as long
  if (batch instanceof ByteBatch) return batch.with(provenance)
  return {
    get count () { return batch.count },
    get payload () { return batch.payload },
    lines: () => batch.lines(),
    position: provenance.position,
    provenance
  }
}

/** A batch that tells where it is from: as it says itself, or else from the reader, just now. */
export function identified (batch: Batch, { stream = 'input' }: Pick<Reader, 'stream'>): Batch & { readonly provenance: Provenance } {
  return isIdentified(batch) ? batch : withProvenance(batch, arrival(stream, batch.count))
}

function isIdentified (batch: Batch): batch is Batch & { readonly provenance: Provenance } {
  return batch.provenance !== null
}

/** The provenance of records that enter the pipeline just now. */
export function arrival (stream: string, count: number, position: Position | null = null): Provenance {
  const taken = unclassified(count)
  return { stream, source: stream, position, timeMs: Date.now(), taken, schemas: taken }
}

/** Records that nobody has looked into. */
export function unclassified (count: number): Composition {
  return new Map([[unclassifiedKey, count]])
}

export const unclassifiedKey = '-'

/** Schemas that a composition tells apart at most. */
export const mostSchemas = 1000

/** A batch from records as text, which contain no newline. Returns null for none. */
export function batchOfLines (lines: string[], provenance: Provenance | null = null): Batch | null {
  return lines.length === 0 ? null : new LineBatch(lines, provenance)
}

/**
 * A batch from records that are made one after the other: each is encoded at once, so that its text can be forgotten while it
 * is young, which is what keeps the garbage collector out of the way.
 */
export class BatchBuilder {
  #bytes: Buffer
  #end = 0
  #count = 0
  readonly #schemas = new Map<string, number>()
  /** Records of one schema often come together: how many did since the last other one. */
  #schema = ''
  #together = 0

  /** `expectedBytes` saves growing. */
  constructor (expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(expectedBytes, 1024))
  }

  /** Adds a record, which contains no newline, of a schema as a `Composition` names it. */
  add (record: string, schema: string): void {
    // three bytes are the most that a UTF-16 code unit becomes
    const room = this.#end + record.length * 3 + 1
    if (room > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#end)], Math.max(room, this.#bytes.length * 2))
    // faster than `Buffer.write`
    this.#end += encoder.encodeInto(record, this.#bytes.subarray(this.#end)).written
    this.#bytes[this.#end++] = newline
    this.#count++
    if (schema !== this.#schema) this.#addUp(schema)
    this.#together++
  }

  #addUp (next: string): void {
    if (this.#together > 0) this.#schemas.set(this.#schema, (this.#schemas.get(this.#schema) ?? 0) + this.#together)
    this.#schema = next
    this.#together = 0
  }

  get count (): number {
    return this.#count
  }

  get bytes (): number {
    return this.#end
  }

  get schemas (): Composition {
    this.#addUp('')
    return this.#schemas
  }

  /** What was added, made of a batch of that provenance; null if nothing was. The builder is used up. */
  build (provenance: Provenance | null): Batch | null {
    return batchOfBytes(this.#bytes.subarray(0, this.#end), provenance === null ? null : { ...provenance, schemas: this.schemas })
  }
}

/** A batch from records as bytes, one buffer each, which contain no newline. Takes ownership of them. Returns null for none. */
export function batchOfRecords (records: readonly Buffer[], provenance: Provenance | null = null): Batch | null {
  const only = records[0]
  if (only === undefined) return null
  if (records.length === 1) return new ByteBatch(only, provenance)
  let size = records.length - 1
  for (const record of records) size += record.length
  const payload = Buffer.allocUnsafe(size)
  let at = only.copy(payload)
  for (let i = 1; i < records.length; i++) {
    payload[at++] = newline
    at += (records[i] as Buffer).copy(payload, at)
  }
  return new ByteBatch(payload, provenance)
}

/** The records of a batch as bytes: views of its payload, not copies. */
export function recordsOf (batch: Batch): Buffer[] {
  const { payload } = batch
  const records: Buffer[] = []
  let start = 0
  for (let end = payload.indexOf(newline); end !== -1; end = payload.indexOf(newline, start)) {
    records.push(payload.subarray(start, end))
    start = end + 1
  }
  records.push(payload.subarray(start))
  return records
}

/**
 * The records in pieces of at most `bytes`, or of one record; the batch itself if it is no larger. A piece is not looked into: of a
 * batch of several schemas, `schemasOf` says what it holds.
 */
export function * piecesOf (batch: Batch, bytes: number, schemasOf: (records: Buffer[]) => Composition): Generator<Batch> {
  const { payload, provenance } = batch
  if (payload.length <= bytes) {
    yield batch
    return
  }
  const pieceOf = (records: Buffer[]): Batch => batchOfRecords(records, provenance === null ? null : { ...provenance, schemas: schemasOf(records) }) as Batch
  let piece: Buffer[] = []
  let size = 0
  for (const record of recordsOf(batch)) {
    if (piece.length > 0 && size + record.length + 1 > bytes) {
      yield pieceOf(piece)
      piece = []
      size = 0
    }
    piece.push(record)
    size += record.length + 1
  }
  yield pieceOf(piece)
}

class ByteBatch implements Batch {
  readonly payload: Buffer
  readonly provenance: Provenance | null
  #count = 0
  #lines: string[] | undefined

  constructor (payload: Buffer, provenance: Provenance | null) {
    this.payload = payload
    this.provenance = provenance
  }

  get position (): Position | null {
    return this.provenance?.position ?? null
  }

  with (provenance: Provenance): ByteBatch & { readonly provenance: Provenance } {
    const other = new ByteBatch(this.payload, provenance)
    other.#count = this.#count
    other.#lines = this.#lines
    return Object.assign(other, { provenance })
  }

  get count (): number {
    if (this.#count === 0) this.#count = this.#lines?.length ?? countNewlines(this.payload) + 1
    return this.#count
  }

  lines (): string[] {
    // an ASCII payload becomes a one-byte string: half the memory, and everything after it is faster
    this.#lines ??= this.payload.toString(isAscii(this.payload) ? 'latin1' : 'utf8').split('\n')
    return this.#lines
  }
}

class LineBatch implements Batch {
  readonly provenance: Provenance | null
  readonly #lines: string[]
  #payload: Buffer | undefined

  constructor (lines: string[], provenance: Provenance | null) {
    this.#lines = lines
    this.provenance = provenance
  }

  get position (): Position | null {
    return this.provenance?.position ?? null
  }

  get count (): number {
    return this.#lines.length
  }

  get payload (): Buffer {
    this.#payload ??= Buffer.from(this.#lines.join('\n'))
    return this.#payload
  }

  lines (): string[] {
    return this.#lines
  }
}

function countNewlines (bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count++
  return count
}
