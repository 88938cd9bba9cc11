import { StreamError } from '../../../lib/errors.js'
import { batchOfRecords } from '../../../lib/stream/batch.js'
import type { CommandContext } from '../../../lib/cli/command.js'
import { inspectFiles, readRecords } from '../../replay/files.js'
import { keptIn } from '../../replay/kept.js'
import type { LiveInput } from '../../replay/live-input.js'
import { dryContext } from '../../replay/session.js'
import { createProgress, numberText } from '../../text.js'
import { createLook, type Look, type Question } from './look.js'
import type { RawSource } from './sources.js'

/** How often a log says how far it is, in milliseconds. */
const sayMs = 10_000

/** Looks at all records of the sources, batch by batch. Throws `StreamError` when it was stopped before their end. */
export async function lookAt (sources: readonly RawSource[], question: Question, ctx: CommandContext): Promise<void> {
  const dry = dryContext(ctx)
  const { sightings } = question
  const progress = createProgress()
  let saidMs = performance.now()
  for (const source of sources) {
    const live = await source.live(dry)
    const look = createLook(question, source)
    const files = await inspectFiles(source.paths, source.format, ctx, '--raw')
    for (const [at, file] of files.entries()) {
      for await (const { batch } of readRecords(file, 0, Infinity, ctx)) {
        sightings.read += batch.count
        await lookAtBatch(batch.lines(), { source, live, look, question })
        progress.show(`${file.path} (${at + 1} of ${files.length}): ${numberText(sightings.read)} records, ${numberText(sightings.seen)} events of ${question.proposed.name}`)
        if (!process.stderr.isTTY && performance.now() - saidMs > sayMs) {
          saidMs = performance.now()
          ctx.log.info('progress', { path: file.path, file: at + 1, of: files.length, read: sightings.read, seen: sightings.seen })
        }
        if (ctx.stop.aborted) throw new StreamError('stopped', 'stopped before all files were read; what was seen so far says nothing')
      }
    }
  }
  progress.end()
}

interface Looking {
  readonly source: RawSource
  readonly live: LiveInput
  readonly look: Look
  readonly question: Question
}

async function lookAtBatch (records: readonly string[], { source, live, look, question: { sightings } }: Looking): Promise<void> {
  const lines: Buffer[] = []
  for (const record of records) {
    const kept = keptIn(record, source.format)
    if (kept.kind === 'line' || kept.kind === 'error') lines.push(Buffer.from(kept.text))
    else if (kept.kind !== 'not-whole') await look.event('text' in kept ? kept.text : record)
  }
  const batch = batchOfRecords(lines)
  const passed = batch === null ? null : await live.pass(batch)
  sightings.filtered += Math.max(0, lines.length - (passed?.count ?? 0))
  for (const text of passed?.lines() ?? []) await look.line(text)
}
