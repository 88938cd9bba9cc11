import type { LineFormat } from '../../lib/event/line-format.js'
import { arrival, batchOfRecords, emptyBatch, recordsOf, unclassified } from '../../lib/stream/batch.js'
import type { Batch, Context, Position, Reader } from '../../lib/stream/contracts.js'
import { generatedReader } from '../../lib/stream/generated-reader.js'
import { readRecords, type RecordFile } from './files.js'
import type { Job } from './job.js'
import { isSame, keptIn, type Kind, type Told } from './kept.js'
import type { LiveInput } from './live-input.js'
import type { Select } from './selection.js'
import type { ReplayTally } from './tally.js'

export interface RecordsOptions {
  readonly files: readonly RecordFile[]
  /** How many records each had at the start: what comes later may be what comes of these, without an end. */
  readonly counts: ReadonlyMap<RecordFile, number>
  readonly job: Job
  readonly format: LineFormat
  readonly live: LiveInput
  readonly select: Select
  readonly tally: ReplayTally
  /** Records that go on together, at most. */
  readonly mostTogether: number
  /** Waits until so many more may go. */
  pace (count: number): Promise<void>
}

/** What is to be sent of the files, batch by batch; a batch is of one kind. */
export interface Records {
  readonly reader: Reader
  kindOf (batch: Batch): Kind
  /** Whether all files were read to their ends. */
  readonly isComplete: boolean
}

/** Consecutive records of a file that are of one kind. */
interface Piece {
  readonly kind: Kind
  readonly told: Told | null
  readonly records: Buffer[]
}

/** Reads what the job has not sent yet, and remembers in it what is safe downstream. */
export function openRecords (options: RecordsOptions, ctx: Context): Records {
  const { files, counts, job, format, live, select, tally, mostTogether, pace } = options
  const kinds = new WeakMap<Batch, Kind>()
  /** How many records each file has, as far as they were read. */
  const ends = new Map<RecordFile, number>()
  let isComplete = false

  /** What of a piece is sent; only the position if nothing is. */
  async function sendable ({ kind, told, records }: Piece, position: Position): Promise<Batch> {
    const provenance = arrival('records', records.length, position)
    const batch = batchOfRecords(records, provenance)
    const passed = batch === null || kind === 'event' ? batch : await live.pass(batch)
    tally.leaveOut('filtered', null, Math.max(0, records.length - (passed?.count ?? 0)))
    const chosen = passed === null ? null : select(kind, passed, told)
    const sent = chosen === null ? null : batchOfRecords(recordsOf(chosen), { ...provenance, schemas: unclassified(chosen.count) })
    if (sent === null) return emptyBatch(provenance)
    kinds.set(sent, kind)
    await pace(sent.count)
    return sent
  }

  async function * ofFile (file: RecordFile, index: number): AsyncGenerator<Batch> {
    const [sent, count] = [job.sent(file), counts.get(file) ?? 0]
    if (sent >= count) return
    for await (const { batch, first } of readRecords(file, sent, count, ctx)) {
      const lines = batch.lines()
      const bytes = recordsOf(batch)
      const end = Math.min(first + lines.length, count)
      let piece: Piece = { kind: 'line', told: null, records: [] }
      for (let i = Math.max(0, sent - first); i < end - first; i++) {
        const kept = keptIn(lines[i] as string, format)
        tally.read++
        if (!('text' in kept)) {
          tally.leaveOut(kept.kind)
          continue
        }
        // of lines and event errors the processor tells
        if (kept.kind === 'event' && ctx.optOut.inRecord(kept.text)) {
          tally.leaveOut('opted_out')
          continue
        }
        if (piece.records.length >= mostTogether || kept.kind !== piece.kind || !isSame(kept.told, piece.told)) {
          if (piece.records.length > 0) yield await sendable(piece, positionOf(index, first + i))
          if (ctx.stop.aborted) return
          piece = { kind: kept.kind, told: kept.told, records: [] }
        }
        piece.records.push(kept.text === lines[i] ? bytes[i] as Buffer : Buffer.from(kept.text))
      }
      yield await sendable(piece, positionOf(index, end))
      if (ctx.stop.aborted) return
      ends.set(file, end)
    }
  }

  async function * batches (): AsyncGenerator<Batch> {
    for (const [index, file] of files.entries()) {
      yield * ofFile(file, index)
      if (ctx.stop.aborted) return
    }
    isComplete = true
  }

  function commit (position: Position): void {
    const [index = 0, records = 0] = position.split(':').map(Number)
    const file = files[index]
    if (file === undefined) return
    // what came before it is complete: only the newest position is committed
    for (const [earlier, end] of ends) {
      if (files.indexOf(earlier) < index) job.reach(earlier, end)
    }
    job.reach(file, records)
  }

  return {
    reader: generatedReader(batches(), { commit, release: () => {} }),
    kindOf: batch => kinds.get(batch) ?? 'line',
    get isComplete () { return isComplete }
  }
}

/** Records of a file that are read, by its place among the files. */
function positionOf (index: number, records: number): Position {
  return `${index}:${records}`
}
