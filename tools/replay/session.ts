import type { OpenProcessor } from '../../lib/cli/processor-options.js'
import type { CommandContext } from '../../lib/cli/command.js'
import { StreamError } from '../../lib/errors.js'
import type { LineFormat } from '../../lib/event/line-format.js'
import type { EventProcessor } from '../../lib/event/processor.js'
import { createMetrics } from '../../lib/metrics.js'
import type { Context, Writer } from '../../lib/stream/contracts.js'
import { drive, tee, type DriveOptions } from '../../lib/stream/drive.js'
import { processing } from '../../lib/stream/processing.js'
import { inheritedBy } from '../../lib/stream/wrap.js'
import { isAgreed, print, terminal } from './dialogue.js'
import { countRecords, inspectFiles, type RecordFile } from './files.js'
import { openJob, type Job, type JobParts } from './job.js'
import type { OpenLiveInput } from './live-input.js'
import { backlogOf, createPace } from './pace.js'
import { showProgress } from './progress.js'
import { openRecords, type Records, type RecordsOptions } from './records.js'
import { countsOf, number, tableOf } from './report.js'
import { createSelect, type WantedSchema } from './selection.js'
import { ReplayTally } from './tally.js'

export interface ReplaySettings {
  readonly records: readonly string[]
  readonly processor: { readonly format: LineFormat, readonly open: OpenProcessor, readonly live: OpenLiveInput }
  readonly schemas: readonly WantedSchema[]
  readonly job: JobParts
  readonly output: readonly string[]
  /** Undefined for the same as the output. */
  readonly invalid: string | undefined
  /** Names of the journals of the outputs. */
  readonly journals: readonly string[]
  /** Records a second; 0 for no limit. */
  readonly rate: number
  readonly dryRun: boolean
  readonly yes: boolean
  readonly again: boolean
  readonly flush: DriveOptions
}

/** What one run works with. */
interface Session {
  readonly settings: ReplaySettings
  readonly files: readonly RecordFile[]
  /** Records of each. */
  readonly counts: ReadonlyMap<RecordFile, number>
  readonly job: Job
  /** Records that are not sent yet. */
  readonly left: number
  readonly events: EventProcessor
  readonly ctx: CommandContext
}

/** Counts, asks, sends, and waits until all that should have it have it. Throws `StreamError` when it was stopped before that. */
export async function replay (settings: ReplaySettings, ctx: CommandContext): Promise<void> {
  const session = await begin(settings, ctx)
  if (session === null) return
  if (settings.dryRun || (!settings.yes && session.left > 0)) {
    const tally = await scan(session)
    print(tableOf(tally))
    if (settings.dryRun) return
    if (!await isAgreed(`Send them${settings.rate === 0 ? '' : `, ${number(settings.rate)} a second`}?`, ctx.stop)) {
      print('nothing was sent')
      return
    }
  }
  const tally = await send(session)
  session.job.finish()
  print(tableOf(tally))
  ctx.log.info('replayed', countsOf(tally))
}

/** Null if there is nothing to do, which is said. */
async function begin (settings: ReplaySettings, ctx: CommandContext): Promise<Session | null> {
  const { dryRun, again, processor } = settings
  const files = await inspectFiles(settings.records, processor.format, ctx)
  const stored = openJob(settings.job, dryRun ? ctx.stateIfAny : ctx.state)
  const { doneAt } = stored
  const counts = new Map<RecordFile, number>()
  for (const file of files) counts.set(file, await countRecords(file, ctx))
  refuseIfStopped(ctx)
  const leftOf = (job: Job): number => [...counts].reduce((sum, [file, count]) => sum + Math.max(0, count - job.sent(file)), 0)

  const isDone = leftOf(stored) === 0 && (doneAt !== null || files.length === 0)
  if (isDone && !dryRun && !again) {
    print(files.length === 0 ? 'the files hold no records' : `this was done at ${doneAt ?? ''}: nothing is to do; --again sends it again`)
    return null
  }
  if (isDone && dryRun) print(`this was done at ${doneAt ?? ''}; with --again there would be:`)
  if (isDone && !dryRun) {
    stored.forget(files)
    ctx.log.warn('sending again: MySQL and SQLite ignore what they have, JSON log files get it twice', { done_at: doneAt })
  }
  const job = dryRun ? asADryRun(stored, isDone) : stored
  const left = leftOf(job)
  const sent = [...counts.values()].reduce((sum, count) => sum + count, 0) - left
  if (sent > 0) ctx.log.info('going on where the last run ended', { sent, left })
  return { settings, files, counts, job, left, events: processor.open(ctx), ctx }
}

/** The same counts from where it would go on, and remembers nothing. */
function asADryRun (job: Job, fromStart: boolean): Job {
  return { range: job.range, doneAt: job.doneAt, sent: file => fromStart ? 0 : job.sent(file), reach: () => {}, forget: () => {}, finish: () => {} }
}

const discard: Writer = { write: async () => {}, flush: async () => {}, close: async () => {} }

/** Does all of it but send. */
async function scan (session: Session): Promise<ReplayTally> {
  const { settings, job, events, ctx } = session
  const tally = new ReplayTally()
  const dry = dryContext(ctx)
  const records = openRecords({ ...await recordsOptions({ ...session, job: asADryRun(job, false) }, tally, dry), mostTogether: 1000, pace: async () => {} }, dry)
  const processed = processing(tally.counting(events), discard, discard, dry)
  const end = showProgress({ what: 'looking', total: session.left, tally, waitsFor: () => null, terminal: terminal(), log: ctx.log })
  try {
    await drive([records.reader], sink(records, { lines: processed, errors: processed, events: discard }, tally, dry), dry, settings.flush)
  } finally {
    end()
  }
  refuseIfStopped(ctx)
  return tally
}

/** Neither counts nor keeps nor saves. */
export function dryContext (ctx: Context): Context {
  return Object.create(ctx, {
    metrics: { value: createMetrics(null) },
    deadLetters: { value: { add: () => {}, drain: async () => {} } },
    ledger: { value: { enter: () => {}, add: () => {} } },
    save: { value: async () => {} }
  }) as Context
}

async function recordsOptions ({ settings, files, counts, job }: Session, tally: ReplayTally, ctx: Context): Promise<Omit<RecordsOptions, 'mostTogether' | 'pace'>> {
  const { format, live } = settings.processor
  return { files, counts, job, format, live: await live(ctx), select: createSelect({ ...job.range, schemas: settings.schemas }, format, tally), tally }
}

async function send (session: Session): Promise<ReplayTally> {
  const { settings, events, ctx } = session
  const { output, invalid, rate } = settings
  const outputs = []
  for (const uri of output) outputs.push(await ctx.openWriter(uri))
  const valid = tee(outputs)
  const invalidTo = invalid === undefined ? valid : outputs[output.indexOf(invalid)] ?? await ctx.openWriter(invalid)
  const tally = new ReplayTally()
  const backlog = backlogOf(settings.journals.map(name => ctx.state.journal(name)), ctx)
  const atRate = createPace(rate, ctx.stop)
  const records = openRecords({
    ...await recordsOptions(session, tally, ctx),
    // evenly: ten times a second
    mostTogether: rate === 0 ? 1000 : Math.min(1000, Math.max(1, Math.ceil(rate / 10))),
    async pace (count) {
      await backlog.room()
      await atRate(count)
    }
  }, ctx)
  ctx.ready({ records: session.left, outputs: output, ...(invalid === undefined ? {} : { invalid }) })
  const counted = tally.counting(events)
  const sinks = {
    lines: processing(counted, valid, invalidTo, ctx),
    // where event errors come from, it is known that they are invalid
    errors: processing(counted, valid, invalid === undefined ? discard : invalidTo, ctx),
    events: valid
  }
  const end = showProgress({ what: 'sending', total: session.left, tally, waitsFor: () => backlog.waitsFor, terminal: terminal(), log: ctx.log })
  try {
    await drive([records.reader], sink(records, sinks, tally, ctx), ctx, settings.flush)
    if (!records.isComplete) refuseIfStopped(ctx)
    if (!await backlog.empty()) refuseIfStopped(ctx)
  } finally {
    end()
  }
  return tally
}

/** By kind: events go on as they are. What the three flush is flushed with the lines. */
function sink (records: Records, { lines, errors, events }: Readonly<Record<'lines' | 'errors' | 'events', Writer>>, tally: ReplayTally, ctx: Context): Writer {
  return {
    ...inheritedBy(lines),
    async write (batch) {
      const kind = records.kindOf(batch)
      if (kind === 'event') {
        tally.pass(batch)
        // the others are entered where they are processed
        if (batch.provenance !== null) ctx.ledger.enter('made', '', 'passed', batch.provenance.timeMs, batch.provenance.schemas)
      }
      await { line: lines, error: errors, event: events }[kind].write(batch)
    },
    flush: async () => { await lines.flush() },
    close: async () => { await lines.close() }
  }
}

function refuseIfStopped ({ stop }: Context): void {
  if (stop.aborted) throw new StreamError('stopped', 'stopped before everything was replayed; the same command goes on where this one ended')
}
